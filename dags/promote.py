"""### Makes
On `scores`: looks at the challenger of every model. Its shadow nights are counted by their dates and judged when there
are enough; one that fits beside the champion enters the champion log, from an as_of that no night has scored yet: at
once, or, where estate.toml says `promotion = "approval"`, after a person other than the trainer approved it here.

### When it fails
Nothing is entered and the champion in force stays. A person who may not approve, or nobody for a week, fails the
model's tasks with that reason. See docs/runbooks/promote.md.

### Safe to rerun
Yes. The champion log only grows, a version that is in force is not entered again, and a night counts once.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import PartitionedAssetTimetable, dag, task
from dagkit.assets import SCORES
from dagkit.defaults import as_of, options, outcomes
from dagkit.kinds import PROMOTION

from pipelines.models import SPECS

log = logging.getLogger(__name__)

ANSWER_WITHIN = timedelta(days=7)


@dag(schedule=PartitionedAssetTimetable(assets=SCORES), **options(__doc__, PROMOTION, "training"))
def promote() -> None:
    @task.branch
    def end_shadows(dag_run: Any = None, ti: Any = None) -> list[str]:
        """One process for every model, as each would pay the same imports. Follows the models a person is asked of."""
        from pipelines import promotion, registration
        from pipelines.promotion import shadow

        day, asked = as_of(dag_run), list[str]()
        with outcomes(dag_run):
            for model, spec in SPECS.items():
                registration.tidy(spec, report=log.info)  # what a kill left pending
                request = promotion.advance(model, day, report=log.info).request
                if request is not None and shadow.ask(model, request.version, day):
                    ti.xcom_push(key=model, value={"version": request.version, "words": request.words})
                    asked += [f"approve_{model}", f"settle_{model}"]
        return asked

    @task(trigger_rule="none_failed")
    def settle(model: str, dag_run: Any = None, ti: Any = None) -> None:
        """What the person said: enter the version, or end its shadow. On a rejection `approved_*` is skipped."""
        from pipelines import promotion

        version = ti.xcom_pull(task_ids="end_shadows", key=model)["version"]
        answer = ti.xcom_pull(task_ids=f"approve_{model}")
        by = answer["responded_by_user"]["name"]
        with outcomes(dag_run):
            if answer["chosen_options"] == [ApprovalOperator.APPROVE]:
                promotion.approve(model, version, as_of(dag_run), by=by, report=log.info)
            else:
                promotion.reject(model, version, by=by, why="rejected in Airflow", report=log.info)

    shadows = end_shadows()
    for model in SPECS:
        ask = ApprovalOperator(
            task_id=f"approve_{model}", subject=f"Promote {model}?",
            body=f"{{{{ ti.xcom_pull(task_ids='end_shadows', key='{model}')['words'] }}}}",
            response_timeout=ANSWER_WITHIN, execution_timeout=None, retries=0,  # a person is asked once
            doc_md=f"Asks whether the challenger of {model} may replace its champion; a week without an answer fails.",
        )
        settled = settle.override(task_id=f"settle_{model}")(model)
        approved = EmptyOperator(task_id=f"approved_{model}", doc_md="Done when approved, skipped when rejected.")
        shadows >> ask >> approved >> settled
        shadows >> settled


promote()
