"""What a run says of itself: the reason a task pushed for its end, and the notice of a run that failed."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

log = logging.getLogger(__name__)

# XCom keys. `why` is the reason of a task that was held, failed or had nothing to do; the run's note shows it. `told`
# says that somebody has heard of it already.
WHY, TOLD = "why", "told"


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
    reasons = _reasons(context)
    if reasons == {}:
        log.info("%s failed, and everything of it was told before", name)
        return
    lines = [f"{task}: {why}" for task, why in (reasons or {}).items()] or ["no task left a reason: see its log"]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]  # another reason is another notice
    notices.once(f"failed.{name}.{digest}", "\n".join([f"{name} failed", *lines, where]))


def _reasons(context: Any) -> dict[str, str] | None:
    """Why each task failed that nobody has told of; None when no task left a word (killed, timed out)."""
    task_instance, said = context.get("ti"), dict[str, str]()
    tasks = sorted(task.task_id for task in context["dag"].tasks)
    if task_instance is None:
        return None
    any_told = False
    for task in tasks:
        why = task_instance.xcom_pull(task_ids=task, key=WHY)
        told = bool(task_instance.xcom_pull(task_ids=task, key=TOLD))
        any_told |= told
        if why and not told:
            said[task] = str(why)
    return said if said or any_told else None


def _where(context: Any) -> tuple[str, str]:
    """The page of the run, and its name: the DAG and the night."""
    from urllib.parse import quote

    from airflow.sdk.configuration import conf

    dag_id, run_id = context["dag"].dag_id, str(context["run_id"])
    key = getattr(context.get("dag_run"), "partition_key", None) or "".join(
        letter if letter.isalnum() or letter in "-_" else "-" for letter in run_id)
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id, safe='')}", f"{dag_id}.{key}"
