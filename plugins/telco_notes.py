"""The note of every run: why it was started and what came of it, where people look first.

The Task SDK gives a task no way to set the note of its run, and a REST call would need a person's password in every
worker. Listeners are handed the run itself, in the scheduler, in the transaction in which its state changes.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

LONGEST = 1000  # characters of a note in Airflow's database
RETURNED, WHY = "return_value", "why"  # the second as in dagkit.words
AN_END_WITH_WORDS = {"failed": "failed", "skipped": "nothing to do", "upstream_failed": "not run"}


class Notes:
    @hookimpl
    def on_dag_run_running(self, dag_run: Any, msg: str) -> None:
        write(dag_run, started(dag_run))

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        write(dag_run, [*started(dag_run), *ended(dag_run)])

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        write(dag_run, [*started(dag_run), *ended(dag_run)])


def write(dag_run: Any, lines: list[str]) -> None:
    """Set the note, unless a person wrote one: theirs has a user's id, ours has none. Never fails the scheduler."""
    try:
        standing = dag_run.dag_run_note
        text = fitted(lines)
        if not text or (standing is not None and standing.user_id):
            return
        if standing is None:
            dag_run.note = text
        else:
            standing.content = text
    except Exception:
        log.exception("no note for %s %s", dag_run.dag_id, dag_run.run_id)


def started(dag_run: Any) -> list[str]:
    """Why it runs: the reasons that came with its asset events, or who started it. An ordinary night says nothing."""
    try:
        told = [line for event in dag_run.consumed_asset_events if (line := reason_of(event.asset.name, event.extra))]
    except Exception:
        log.exception("no reason for %s %s", dag_run.dag_id, dag_run.run_id)
        told = []
    kind, who = str(getattr(dag_run.run_type, "value", dag_run.run_type)), dag_run.triggering_user_name
    if not told and kind in ("manual", "backfill"):
        told = [f"started by hand ({kind}){f' by {who}' if who else ''}"]
    return told


def reason_of(asset: str, extra: Mapping[str, Any] | None) -> str:
    said = extra or {}
    reasons = said.get("reasons") or [said.get("reason")]
    words = "; ".join(str(reason) for reason in reasons if reason)
    return f"started by {asset}: {words}" if words else ""


def ended(dag_run: Any) -> list[str]:
    """One line per task that has something to say: its answer, or why it gave none."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return []
    with session.no_autoflush:
        states = session.execute(
            select(TaskInstance.task_id, TaskInstance.state)
            .where(TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
            .order_by(TaskInstance.start_date, TaskInstance.task_id)).all()
        said = {(row.task_id, row.key): XComModel.deserialize_value(row) for row in session.execute(
            select(XComModel.task_id, XComModel.key, XComModel.value)
            .where(XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id,
                   XComModel.key.in_([RETURNED, WHY])))}
    return lines_of([(task, str(getattr(state, "value", state))) for task, state in states], said)


def lines_of(states: list[tuple[str, str]], said: Mapping[tuple[str, str], Any]) -> list[str]:
    lines = [line_of(task, state, said.get((task, RETURNED)), said.get((task, WHY))) for task, state in states]
    told = [line for line in lines if line]
    return told or ["nothing to do"] * any(state == "skipped" for _, state in states)


def line_of(task: str, state: str, answer: Any, why: Any) -> str:
    if state in AN_END_WITH_WORDS:
        if state == "skipped" and not why:  # by what came before it, which has said what there was to say
            return ""
        reason = why or ("no reason was left: see the log" if state == "failed" else "")
        return f"{task}: {AN_END_WITH_WORDS[state]}" + (f": {reason}" if reason else "")
    words = worded(answer)
    return f"{task}: {words}" if words else ""


def worded(answer: Any) -> str:
    """A task's return value in a few words; states are counted, numbers are grouped."""
    if isinstance(answer, Mapping):
        if len(answer) > 1 and all(isinstance(value, str) for value in answer.values()):
            return ", ".join(f"{state} {count}" for state, count in sorted(Counter(answer.values()).items()))
        return ", ".join(f"{key} {worded(value)}" for key, value in answer.items())
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, int):
        return f"{answer:,}"
    if isinstance(answer, Iterable) and not isinstance(answer, str):
        return ", ".join(map(worded, answer))
    return "" if answer is None else str(answer)


def fitted(lines: list[str]) -> str:
    """The lines as one note; where they are too long together, each keeps its beginning, so that none is missing."""
    text = "\n".join(lines)
    if len(text) <= LONGEST:
        return text
    room = LONGEST // len(lines) - 1
    spare = sum(max(0, room - len(line)) for line in lines)
    room += spare // sum(len(line) > room for line in lines)
    return "\n".join(line if len(line) <= room else line[: room - 2].rstrip() + " …" for line in lines)[:LONGEST]


class TelcoNotes(AirflowPlugin):
    name = "telco_notes"
    listeners = [Notes()]  # noqa: RUF012  Airflow's own form
