"""### Makes
Every Monday at midnight UTC: says of every model that a retrain is due (`retrain_due_<model>`), with the reason. The
tick carries a date like every night, so that `retrain_<model>` can be started by it or by drift alike.

### When it fails
It only emits events; a failure is Airflow's own. See docs/runbooks/retrain_tick.md.

### Safe to rerun
Yes. A retrain runs once per (model, as_of).
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronPartitionTimetable, dag, task
from dagkit.assets import DUE
from dagkit.defaults import KEY_FORMAT, as_of, expect_drops, options
from dagkit.kinds import TRAINING

from pipelines.models import SPECS


@dag(schedule=CronPartitionTimetable("0 0 * * 1", timezone="UTC", key_format=KEY_FORMAT),
     **options(__doc__, TRAINING, "training"))
def retrain_tick() -> None:
    for model in SPECS:

        @task(task_id=f"due_{model}", outlets=[DUE[model]])
        def due(name: str, dag_run: Any = None, outlet_events: Any = None) -> str:
            """Says that the weekly retrain of a model is due. Returns the reason, which the event carries."""
            day = as_of(dag_run)
            expect_drops(day)
            reason = f"weekly retrain of {name} at {day}"
            outlet_events[DUE[name]].extra = {"reason": reason}
            return reason

        due(model)


retrain_tick()
