"""What waits in quarantine, by feed: rows and files, and what most of them lack. Counts and reasons, never a row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Waiting:
    feed: str
    rows: int
    files: int
    oldest: str
    reasons: tuple[str, ...]


def waiting(as_of: date, most: int = 2) -> list[Waiting]:
    """Only what still waits, of the drops before as_of: what was replayed, discarded or superseded is done with."""
    from pipelines.landing import quarantine
    from pipelines.quality.record import masked

    sets = [one for one in quarantine.kept() if one.state in ("waiting", "unpublished") and one.dt < as_of]
    found = []
    for feed in sorted({one.feed for one in sets}):
        mine = [one for one in sets if one.feed == feed]
        why: Counter[str] = Counter()
        for one in mine:
            why.update(one.reasons)
        found.append(Waiting(
            feed, sum(one.count for one in mine if one.kind == "rows"), sum(one.kind == "file" for one in mine),
            min(one.dt for one in mine).isoformat(), tuple(masked(reason) for reason, _ in why.most_common(most)),
        ))
    return sorted(found, key=lambda one: (-one.files, -one.rows, one.feed))
