"""No count of a few people leaves the house: below twenty, who they are may be guessed from the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LEAST: Final = 20  # subscribers; the usual floor of published tables lies between 5 and 30


def told(count: int) -> str:
    """A count of subscribers as it may be shown: nobody, a number of at least LEAST, or that it is fewer."""
    return f"fewer than {LEAST}" if 0 < count < LEAST else f"{count:,}"


def crowds(counted: Iterable[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """The largest groups of at least LEAST subscribers, at most so many; equal ones by name."""
    kept = [(name, count) for name, count in counted if count >= LEAST]
    return sorted(kept, key=lambda one: (-one[1], one[0]))[:most]
