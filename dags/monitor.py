"""### Makes
On `scores`, per model: measures the night (feeds, inputs against the champion's training sample by Evidently, cohorts,
scores, labels that matured), judges it, and writes report, verdict, history and trend page under `reports/drift/`, and
the home's front page, `reports/index.html`. Of the causes only a population shift and a concept shift change
`drift_<model>`; that starts `retrain_<model>`.

### When it fails
A broken feed is a HOLD: the task fails without retry, with the feed and columns in its log, and nothing is retrained. A
verdict of unknown (thin sample, empty columns, a crash of the comparison) is not a failure and retrains nothing; its
reason is in the log. See docs/runbooks/monitor.md.

### Safe to rerun
Yes. The sample is seeded, so the verdict is the same; a retrain runs once per (model, as_of).
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from dagkit.assets import DRIFT, DRIFT_SIGNAL, SCORES
from dagkit.defaults import as_of, options, outcomes
from dagkit.kinds import MONITORING
from dagkit.links import drift_of, linked

from pipelines.models import SPECS

log = logging.getLogger(__name__)


@dag(schedule=PartitionedAssetTimetable(assets=SCORES), **options(__doc__, MONITORING, "nightly", "monitoring"))
def monitor() -> None:
    for model in SPECS:

        @task(task_id=f"watch_{model}", outlets=[DRIFT_SIGNAL[model]],
              doc_md=f"Tonight's inputs and scores of {model} against its training sample. Returns the verdict.")
        def watch(name: str, dag_run: Any = None, outlet_events: Any = None) -> str | None:
            from pipelines import monitoring, site

            day = as_of(dag_run)
            with outcomes(dag_run, is_told=monitoring.is_verdict), site.refreshed():
                verdict = monitoring.monitor(name, day, report=log.info)
                for reason in verdict.reasons:
                    log.info("%s %s %s: %s", name, day, verdict.cause, reason)
                if verdict.action is monitoring.Action.HOLD:
                    raise monitoring.held(verdict)
                if verdict.action is monitoring.Action.RETRAIN:
                    outlet_events[DRIFT_SIGNAL[name]].add(DRIFT[name], extra=monitoring.event(verdict))
                return f"{verdict.cause}, {verdict.action}"
            return None

        linked(watch(model), drift_of(model))


monitor()
