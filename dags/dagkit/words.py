"""What a run says of itself: the reason a task pushed for its end, and the notice of a run that failed."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

log = logging.getLogger(__name__)

# XCom keys. `why` is the reason of a task that was held, failed or had nothing to do; the run's note shows it. `told`
# says that somebody has heard of it already.
WHY, TOLD = "why", "told"
NO_REASON = "no reason was left: see the log"


def say(why: str, *, told: bool = False) -> None:
    """Keep the reason of this task's end where the run's note and the notice find it. Outside a task: nothing."""
    from airflow.sdk import get_current_context

    try:
        task_instance = get_current_context()["ti"]
    except RuntimeError:
        return
    task_instance.xcom_push(WHY, why)
    if told:
        task_instance.xcom_push(TOLD, True)


def failed(context: Any) -> None:
    """Airflow calls it when a run has failed, in its DAG processor: one notice per night and reason, with a link."""
    from pipelines import notices

    where, name = _where(context)
    try:
        reasons = _reasons(context)
    except Exception:  # a notice without reasons is better than none
        log.exception("no reasons of %s", name)
        reasons = [NO_REASON]
    if not reasons:
        log.info("%s failed, and everything of it was told before", name)
        return
    digest = hashlib.sha256("\n".join(reasons).encode()).hexdigest()[:8]  # another reason is another notice
    notices.once(f"failed.{name}.{digest}", "\n".join([f"{name} failed", *reasons, where]))


def _reasons(context: Any) -> list[str]:
    """Why each task failed that nobody has told of: killed ones left no word. Empty when all were told of."""
    task_instance, run_id = context.get("ti"), context["run_id"]
    if task_instance is None:  # a run that was ended before a task of it began
        return [NO_REASON]
    states = task_instance.get_task_states(dag_id=context["dag"].dag_id, run_ids=[run_id])[run_id]
    ended = sorted(task for task, state in states.items() if state == "failed")
    untold = [task for task in ended if not task_instance.xcom_pull(task_ids=task, key=TOLD)]
    said = [f"{task}: {task_instance.xcom_pull(task_ids=task, key=WHY) or NO_REASON}" for task in untold]
    return said if ended else [NO_REASON]


def _where(context: Any) -> tuple[str, str]:
    """The page of the run, and its name: the DAG and the night."""
    from urllib.parse import quote

    from airflow.sdk.configuration import conf

    dag_id, run_id = context["dag"].dag_id, str(context["run_id"])
    key = getattr(context.get("dag_run"), "partition_key", None) or "".join(
        letter if letter.isalnum() or letter in "-_" else "-" for letter in run_id)
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id, safe='')}", f"{dag_id}.{key}"
