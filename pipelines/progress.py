"""How a long step tells a person where it is: a callable that takes one line; the CLI decides how to show it."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str], None]


def silent(line: str) -> None:
    """The report of someone who does not want one."""
