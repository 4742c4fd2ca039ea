"""The tables of docs/reference/expectations.md, made from the suites: `python -m pipelines.quality.reference`.

With `--check` it writes nothing and ends 1 when the page is not current.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.landing.contract import FEEDS
from pipelines.quality import facts
from pipelines.settings import PROJECT

PAGE = PROJECT / "docs" / "reference" / "expectations.md"
START = "<!-- from here on made by: python -m pipelines.quality.reference -->"
END = "<!-- end of what is made -->"


def tables() -> str:
    """One section per feed: every check of its rows, then of its whole drop, as Markdown."""
    from expectations.drops import drop
    from expectations.raw import SUITES

    sections = []
    for feed in FEEDS:
        rows = SUITES[feed.id](facts.raw_facts(feed))
        whole = drop(facts.drop_facts(feed))
        sections += [
            f"### {feed.id}", "", "| looks at | must hold | severity | reason it gives |", "|---|---|---|---|",
            *_lines("rows", rows), *_lines("drop", whole), "",
        ]
    return "\n".join([START, "", *sections, END])


def page(text: str) -> str:
    """The page with its tables made anew; the prose around them stays."""
    before, _, rest = text.partition(START)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE} lacks the lines {START!r} and {END!r}")
    return before + tables() + after


def _lines(scope: str, suite: Sequence[Any]) -> list[str]:
    from pipelines.quality.engine import bound_of

    return [
        f"| {scope} | {_cell(bound_of(check.configuration))} | `{check.meta['severity']}` "
        f"| {_cell(check.meta['reason'])} |"
        for check in suite
    ]


def _cell(text: str) -> str:
    """Text for a cell of a table: columns such as `_drop` and lists with `|` stay as they are."""
    return text.replace("|", "\\|").replace("_", "\\_").replace("<", "&lt;")


def main(arguments: list[str], path: Path = PAGE) -> int:
    """Write the page, or with `--check` say whether it is current."""
    old = path.read_text(encoding="utf-8")
    new = page(old)
    if "--check" in arguments:
        return 0 if new == old else 1
    path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
