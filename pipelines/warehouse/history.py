"""Whether every drop a build reads is there: a hole in a window holds the night, it never publishes less."""

from __future__ import annotations

from datetime import date

from pipelines.errors import MissingHistory
from pipelines.warehouse.plan import Plan

_SHOWN = 5


def check(plan: Plan) -> None:
    """Raises MissingHistory naming each feed with missing drops inside the plan's windows."""
    from pipelines.landing import missing

    holes: dict[str, set[date]] = {}
    for start, stop in plan.windows():
        for feed, dates in missing(stop, window_days=(stop - start).days).items():
            holes.setdefault(feed, set()).update(dates)
    reasons = [f"{feed}: no drop of {_shown(sorted(dates))}" for feed, dates in sorted(holes.items()) if dates]
    if reasons:
        raise MissingHistory(
            f"warehouse {plan.as_ofs[-1]}", reasons,
            "land the drops: telco land --as-of DAY; or declare a day absent: telco land --as-of DAY --absent FEED "
            "--because WHY",
        )


def _shown(dates: list[date]) -> str:
    listed = ", ".join(day.isoformat() for day in dates[:_SHOWN])
    return listed if len(dates) <= _SHOWN else f"{listed} and {len(dates) - _SHOWN} more days to {dates[-1]}"
