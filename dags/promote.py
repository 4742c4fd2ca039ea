"""### Makes
On `scores`: looks at the newest candidate of every model and, where it may, enters it in the champion log. Its first
as_of is one that no night has scored yet.

### When it fails
Nothing is entered and the champion in force stays. See docs/runbooks/promote.md.

### Safe to rerun
Yes. The champion log only grows, and a version that is in force is not entered again.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from dagkit.assets import SCORES
from dagkit.defaults import as_of, options, outcomes

log = logging.getLogger(__name__)


@dag(schedule=PartitionedAssetTimetable(assets=SCORES), **options(__doc__, "training"))
def promote() -> None:
    @task
    def promote_candidates(dag_run: Any = None) -> dict[str, int]:
        from pipelines import promotion
        from pipelines.models import SPECS

        day, entered = as_of(dag_run), {}
        with outcomes(dag_run):
            for model in SPECS:
                champion = promotion.promote(model, day, report=log.info)
                if champion is not None:
                    entered[model] = champion.version
        return entered

    promote_candidates()


promote()
