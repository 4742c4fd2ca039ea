"""A leading sign: whether more people leave than in the weeks before, counted from rosters, weeks before labels mature.

Who was active a fortnight ago and is not tonight has left (or fallen silent). The share is compared with that of the
fortnights before, for everybody and for each contract type, operator and region, so that a competitor who takes only
those who may go is seen among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from pipelines.clock import parse_day
from pipelines.monitoring.measure import Family, Measure
from pipelines.publish import Dataset
from pipelines.settings import settings

WINDOW = timedelta(days=14)
BASELINE = timedelta(days=98)   # fortnights that end by WINDOW before tonight; older ones belong to another season
COHORTS = ("contract_type", "operator", "region")
MIN_LEAVERS = 20                # expected in a cohort; of fewer nothing is told
# The rate of a quiet house moves with the season and the campaigns; beyond that, chance: four standard errors, for a
# dozen cohorts are looked at every night.
TOLERANCE, ERRORS = 0.25, 4.0

Counts = Mapping[str, tuple[int, int]]  # cohort -> active at the beginning, no longer active at the end


def early_leavers(as_of: date) -> list[Measure]:
    """One measure per cohort, log(observed / expected share), with its bound. Empty without rosters to compare."""
    root = settings().features / "roster"
    nights = _nights(root)
    if as_of not in nights or as_of - WINDOW not in nights:
        return []
    tonight = _left(root, as_of - WINDOW, as_of)
    before = [_left(root, day, day + WINDOW) for day in _fortnights(nights, as_of)]
    found = []
    for cohort, (people, left) in sorted(tonight.items()):
        stood, went = (sum(each.get(cohort, (0, 0))[place] for each in before) for place in (0, 1))
        measure = _measured(cohort, people, left, stood, went)
        if measure is not None:
            found.append(measure)
    return found


def _measured(cohort: str, people: int, left: int, stood: int, went: int) -> Measure | None:
    """Two Poisson counts: the variance of the log of their ratio is the sum of one over each (Rothman 2008, ch. 14)."""
    if not (stood and people and went):
        return None
    expected = people * went / stood
    if expected < MIN_LEAVERS:
        return None
    error = math.sqrt(1.0 / expected + 1.0 / went)
    return Measure(
        Family.PERFORMANCE, "early_leavers", cohort, math.log(max(left, 0.5) / expected), TOLERANCE + ERRORS * error,
        f"{left} of {people:,} left in {WINDOW.days} days, {expected:.0f} by the rate of the weeks before",
    )


def _nights(root: Path) -> frozenset[date]:
    return frozenset(parse_day(each.key["as_of"]) for each in Dataset(root, ("as_of",)).entries().values()
                     if each.state == "committed")


def _fortnights(nights: frozenset[date], as_of: date) -> Iterator[date]:
    """First days of fortnights that do not overlap, newest first."""
    end = as_of - WINDOW
    for day in sorted(nights, reverse=True):
        if as_of - BASELINE <= day and day + WINDOW <= end and day + WINDOW in nights:
            yield day
            end = day


@lru_cache(maxsize=512)
def _left(root: Path, start: date, end: date) -> Counts:
    """By cohort: who was active at `start`, and how many of them are not at `end`."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    before, after = (
        pq.read_table(Dataset(root, ("as_of",)).live({"as_of": day.isoformat()}), partitioning=None,
                      columns=["subscriber_id", "is_active", *COHORTS]) for day in (start, end))
    before, after = before.filter(pc.field("is_active")), after.filter(pc.field("is_active"))
    gone = pc.invert(pc.is_in(before.column("subscriber_id"), after.column("subscriber_id").combine_chunks()))
    counts = {"everybody": (len(before), int(pc.sum(gone).as_py() or 0))}
    told = before.append_column("gone", gone.cast("int64"))
    for name in COHORTS:
        for row in told.group_by(name).aggregate([("gone", "count"), ("gone", "sum")]).to_pylist():
            counts[f"{name}={row[name]}"] = (int(row["gone_count"]), int(row["gone_sum"]))
    return counts
