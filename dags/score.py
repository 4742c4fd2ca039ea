"""### Makes
On `features`: scores every active subscriber with the champion of each model in force at this as_of, in the order of
the specs (lifetime value reads the churn scores), then writes the extract. One task, because each process would pay
the same imports again.

### When it fails
A model without a champion is passed over with its reason; when none has one, the task is skipped. A model file whose
sha256 is not the registered one fails. See docs/runbooks/score.md.

### Safe to rerun
Yes. One row per (as_of, model, version); the same inputs give the same bytes.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from dagkit.assets import FEATURES, SCORES
from dagkit.defaults import as_of, options, outcomes, skip
from dagkit.kinds import SCORING

log = logging.getLogger(__name__)


@dag(schedule=PartitionedAssetTimetable(assets=FEATURES), **options(__doc__, SCORING, "nightly", "scoring"))
def score() -> None:
    @task(outlets=[SCORES])
    def score_and_extract(dag_run: Any = None) -> dict[str, Any]:
        """Every model with a champion in force, then the extract. Returns rows by model, and why others have none."""
        from pipelines import night

        outcome = night.Night(as_of(dag_run))
        with outcomes(dag_run):
            night.score_all(outcome, report=log.info)
        if not outcome.scored:
            skip("; ".join(outcome.skipped.values()))
        return {model: item.rows for model, item in outcome.scored.items()} | outcome.skipped

    score_and_extract()


score()
