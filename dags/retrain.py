"""### Makes
On `drift_<model>` or `retrain_due_<model>`, one DAG per model spec: training frame, fit, calibration, registration,
gate. A candidate the gate passes becomes champion when there is none, otherwise the challenger, in shadow from the
next night on. Who triggered the run is recorded as its trainer; what no person started was trained by `airflow`. Why it
was started (the cause and reasons of the drift, or the weekly date) is in its log and in its result.

### When it fails
The gate's refusal is a HOLD: the task fails without retry, its reasons are in the log and beside the model version,
and the champion stays. Too little history holds before training. See docs/runbooks/retrain.md.

### Safe to rerun
Yes. The same (model, as_of) and the same frame give the version that is already registered.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from dagkit.assets import DRIFT, DUE
from dagkit.defaults import HISTORY_PATIENCE, as_of, options, outcomes
from dagkit.kinds import TRAINING
from dagkit.links import card_of, linked

from pipelines.models import SPECS

log = logging.getLogger(__name__)


def retrain(model: str) -> None:
    @dag(dag_id=f"retrain_{model}", schedule=PartitionedAssetTimetable(assets=DRIFT[model] | DUE[model]),
         **options(__doc__, TRAINING, "training", model))
    def retrain_model() -> None:
        @task(pool="training", doc_md=f"Frame, fit, calibrate, register, gate of {model}. Returns the version.")
        def train(dag_run: Any = None, triggering_asset_events: Any = None) -> dict[str, Any]:
            from pipelines import promotion, training
            from pipelines.errors import Held
            from pipelines.promotion import policy

            day, by = as_of(dag_run), getattr(dag_run, "triggering_user_name", None) or policy.SCHEDULE
            because = reasons(triggering_asset_events) or [f"by hand: {by}"]
            for why in because:
                log.info("retrain of %s at %s started %s", model, day, why)
            with outcomes(dag_run, patience=HISTORY_PATIENCE):
                result = training.train(model, day, by=by, report=log.info)
                if not result.verdict.passed:
                    raise Held(f"{model} v{result.version} at {day}", result.verdict.reasons,
                               f"telco gate show {model} {result.version}; the champion in force stays")
                promotion.promote(model, day, report=log.info)
                return {"version": result.version, "reused": result.reused, "trained_by": by,
                        "because": because}
            return {}

        linked(train(), card_of(model))

    retrain_model()


def reasons(events: Any) -> list[str]:
    """In words, why the assets that started a run changed: `by drift_churn (concept_shift): ...`."""
    told = []
    for asset in events or ():
        for event in events[asset] if hasattr(asset, "uri") else ():  # an alias names the same events once more
            said = event.extra or {}
            cause = f" ({said['cause']})" if said.get("cause") else ""
            words = said.get("reasons") or [said.get("reason")]
            told.append(f"by {asset.name}{cause}: {'; '.join(str(word) for word in words if word)}")
    return told


for name in SPECS:
    retrain(name)
