"""Where billing and network do not meet, counted each night; a share far above its norm is told to a person.

A feed may be in order row by row and still be half missing, or carry numbers nobody holds: every row passes, features
go NULL for many, and a model scores them as "no network". The counts are kept by as_of in reports/coverage, so the norm
is what earlier nights saw.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from pipelines import notices
from pipelines.progress import Report
from pipelines.publish import write_json
from pipelines.settings import settings

NORM_NIGHTS = 28      # so many earlier as_ofs make the norm
MIN_NIGHTS = 4        # fewer tell no norm
TIMES_NORM = 3.0
LEAST_SHARE = 0.005   # a norm below this counts as this: three times nothing is nothing
QUERY = "select gap, part, counted, unmatched from core.fct_source_coverage where as_of = ? order by gap, part"
WORDS = {
    "billing_without_network": "active subscribers of {part} without usage",
    "network_without_billing": "numbers in usage of {part} that nobody held",
}


@dataclass(frozen=True)
class Gap:
    """One side of one as_of: of `counted` subscribers or numbers the other source does not know `unmatched`."""

    gap: str
    part: str
    counted: int
    unmatched: int

    @property
    def share(self) -> float:
        return self.unmatched / self.counted if self.counted else 0.0

    @property
    def said(self) -> str:
        return f"{self.unmatched} of {self.counted} {WORDS[self.gap].format(part=self.part)} ({self.share:.1%})"


def folder(as_of: date) -> Path:
    return settings().reports / "coverage" / f"as_of={as_of}"


def keep(connection: Any, as_ofs: Iterable[date], report: Report) -> None:
    """Write the counts of every as_of from the built warehouse, then tell of those far above their norm."""
    wanted = sorted(as_ofs)
    for as_of in wanted:
        gaps = [Gap(*row) for row in connection.execute(QUERY, [as_of]).fetchall()]
        write_json(folder(as_of) / "coverage.json", [asdict(gap) for gap in gaps])
        earlier = before(as_of)
        for gap in gaps:
            if as_of == wanted[-1]:
                report(f"coverage {as_of}: {gap.said}")
            text = alarm(gap, [other.share for other in earlier if (other.gap, other.part) == (gap.gap, gap.part)])
            if text:
                report(f"coverage {as_of}: ALERT {text}")
                notices.once(f"coverage.{gap.gap}.{gap.part}.as_of={as_of}", f"{as_of}: {text}")


def before(as_of: date) -> list[Gap]:
    """The gaps of the newest as_ofs before this one, at most NORM_NIGHTS of them."""
    kept = sorted(settings().reports.glob("coverage/as_of=*/coverage.json"))
    earlier = [path for path in kept if path.parent.name < f"as_of={as_of}"]
    return [Gap(**row) for path in earlier[-NORM_NIGHTS:] for row in json.loads(path.read_text(encoding="utf-8"))]


def alarm(gap: Gap, earlier: Sequence[float]) -> str:
    """What to tell a person of a share more than three times the median of earlier ones; empty when all is well."""
    if len(earlier) < MIN_NIGHTS:
        return ""
    norm = max(median(earlier), LEAST_SHARE)
    if gap.share <= TIMES_NORM * norm:
        return ""
    return (
        f"{gap.said}, the norm of {len(earlier)} earlier as_ofs is {norm:.1%}. "
        f"Look at the newest drops of network and billing: a part of one may be missing"
    )
