"""### Makes
On `marts`: applies the feature definitions and brings the online store to this as_of.

### When it fails
A published partition that is missing or altered is named in the log. See docs/runbooks/materialize_features.md.

### Safe to rerun
Yes. An as_of older than the online store's high-water mark leaves it untouched.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from dagkit.assets import FEATURES, MARTS
from dagkit.defaults import as_of, options, outcomes
from dagkit.kinds import FEATURES as KIND

log = logging.getLogger(__name__)


@dag(schedule=PartitionedAssetTimetable(assets=MARTS), **options(__doc__, KIND, "nightly", "features"))
def materialize_features() -> None:
    # One writer: two dates at once would race for the online store's high-water mark.
    @task(outlets=[FEATURES], max_active_tis_per_dag=1)
    def materialize(dag_run: Any = None) -> str:
        """Apply the definitions, bring the online store to this as_of. Returns what became of it."""
        from pipelines import features

        day = as_of(dag_run)
        with outcomes(dag_run):
            moved = features.materialize(day, report=log.info)
            return f"online store {'brought to' if moved else 'was already past'} {day}"
        return ""

    materialize()


materialize_features()
