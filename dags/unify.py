"""### Makes
On `raw_day`: builds the dbt models for this as_of, tests them, and publishes the partitions of `features/` and the
labels that matured. One task, because the published rows must be those of the build that was tested.

### When it fails
A hole in the last 90 days (a date neither landed nor declared absent) is waited for, up to an hour, then held with
its dates. A failing dbt test holds. See docs/runbooks/unify.md.

### Safe to rerun
Yes. The same raw gives the same bytes; other bytes are refused and the published ones stand.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from dagkit.assets import MARTS, RAW_DAY
from dagkit.defaults import HISTORY_PATIENCE, as_of, options, outcomes
from dagkit.kinds import WAREHOUSE

log = logging.getLogger(__name__)


@dag(schedule=PartitionedAssetTimetable(assets=RAW_DAY), **options(__doc__, WAREHOUSE, "nightly", "warehouse"))
def unify() -> None:
    @task(outlets=[MARTS], pool="warehouse")
    def build_and_publish(dag_run: Any = None) -> dict[str, int]:
        """One dbt build, tested, then published. Returns how many partitions are published."""
        from pipelines import warehouse

        day = as_of(dag_run)
        with outcomes(dag_run, patience=HISTORY_PATIENCE):
            return {"partitions published": len(warehouse.unify([day], report=log.info))}
        return {}

    build_and_publish()


unify()
