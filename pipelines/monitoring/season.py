"""Season or not: the columns that moved, tonight against the same night 52 weeks ago, by the same comparison."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pipelines.publish import Dataset
from pipelines.settings import settings

YEAR = timedelta(weeks=52)  # the same day of the week
NEAR = 7                    # days about it, so that a training cut-off of then serves


def same_weeks(columns: Sequence[str], as_of: date) -> dict[str, float | None] | None:
    """PSI of each column, last year's night against tonight; None without a published night of then.

    A column that was not published then, or cannot be compared, has None: it is not known to be the season's.
    """
    from pipelines.monitoring import comparison, frames

    then = _night(as_of - YEAR)
    if then is None:
        return None
    shared = [name for name in columns if name in _published_columns(then)]
    found: dict[str, float | None] = dict.fromkeys(columns)
    if shared:
        told = comparison.measure_quickly(frames.tonight(shared, then), frames.tonight(shared, as_of), shared)
        found |= {each.subject: each.value for each in told if each.name == "psi"}
    return found


def _night(about: date) -> date | None:
    """The published night nearest to a day, earlier ones first; None when none is near."""
    standing = {key[0] for folder in settings().features.glob("ftr_*")
                for key, entry in Dataset(folder, ("as_of",)).entries().items() if entry.state == "committed"}
    near = sorted((about + timedelta(days=off) for off in range(-NEAR, NEAR + 1)), key=lambda day: abs(day - about))
    return next((day for day in near if day.isoformat() in standing), None)


def _published_columns(night: date) -> frozenset[str]:
    import pyarrow.parquet as pq

    names: set[str] = set()
    for folder in settings().features.glob("ftr_*"):
        live = Dataset(folder, ("as_of",)).live({"as_of": night.isoformat()})
        if live.exists():
            names |= set(pq.read_schema(live).names)
    return frozenset(names)
