"""### Makes
By hand: lands every drop from the start of history to the day before `to`, then builds and publishes features and
labels of the weekly cut-offs in [from, to] and of `to` itself, in one dbt build. `initial` accepts day-zero dumps.

### When it fails
A rejected or missing drop is named and held; what landed before it stays. See docs/runbooks/bootstrap_history.md.

### Safe to rerun
Yes. Drops that have landed are duplicates; partitions that are published are compared and kept.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Param, dag, task
from dagkit.defaults import options, outcomes
from dagkit.kinds import HISTORY

log = logging.getLogger(__name__)

DAY_PATTERN = r"^\d{4}-\d{2}-\d{2}$"


def day_param(meaning: str) -> Param:
    return Param(type="string", pattern=DAY_PATTERN, description=f"{meaning} (YYYY-MM-DD)")


@dag(
    schedule=None,
    params={
        "from": day_param("First as_of to publish"),
        "to": day_param("Last as_of to publish; drops up to the day before it are landed"),
        "initial": Param(False, type="boolean", description="Accept day-zero dumps: an operator's very first load"),
    },
    max_active_runs=1,
    **options(__doc__, HISTORY, "history"),
)
def bootstrap_history() -> None:
    @task
    def land(dag_run: Any = None, params: Any = None) -> dict[str, int]:
        """Every drop up to the day before `to`, in bulk. Returns how many drops landed."""
        from pipelines import night
        from pipelines.clock import parse_day

        with outcomes(dag_run):
            landed = night.land_history(parse_day(params["to"]), initial=bool(params["initial"]), report=log.info)
            return {"drops": len(landed)}
        return {}

    @task(pool="warehouse")
    def build(dag_run: Any = None, params: Any = None) -> dict[str, int]:
        """The weekly cut-offs and `to` in one dbt build. Returns how many partitions are published."""
        from pipelines import night
        from pipelines.clock import parse_day

        with outcomes(dag_run):
            first, last = parse_day(params["from"]), parse_day(params["to"])
            return {"partitions published": len(night.build_history(first, last, report=log.info))}
        return {}

    land() >> build()


bootstrap_history()
