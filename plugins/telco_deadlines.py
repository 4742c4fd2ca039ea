"""The hour by which a night's scores must be there, and what happens when they are not.

Here and not in dags/: the scheduler and the triggerer import a deadline's callback by its name, and they see this
folder but no DAG file.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.definitions.deadline import BaseDeadlineReference


@dataclass(frozen=True)
class StartOfNight(BaseDeadlineReference):
    """Midnight UTC of a run's as_of. A run that begins after its hour has none: a backfill is late for nobody.

    Not DAGRUN_LOGICAL_DATE, which a partitioned run does not have; not DAGRUN_QUEUED_AT, from which each step of the
    chain would have hours of its own, and the night no end.
    """

    hours: float = 8.0
    required_kwargs = {"dag_id", "run_id"}  # noqa: RUF012  a field would be serialised

    def serialize_reference(self) -> dict[str, Any]:
        return {"reference_type": self.reference_name, "hours": self.hours}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> StartOfNight:
        return cls(float(reference_data.get("hours", cls.hours)))

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        key = session.scalar(select(DagRun.partition_key).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return begin(key, self.hours, datetime.now(UTC))


def begin(key: str | None, hours: float, now: datetime) -> datetime | None:
    """The midnight a night's hours count from; None for what is no day, and for a night whose hour is past."""
    try:
        day = date.fromisoformat(key or "")
    except ValueError:
        return None
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight if now < midnight + timedelta(hours=hours) else None


async def overdue(context: dict[str, Any], **_: Any) -> str:
    """Runs in the triggerer. Tells once per night, whichever step of it hangs; returns what Airflow keeps of it."""
    from pipelines import notices

    run = context["dag_run"]
    name, text = words(run, str(context["deadline"]["deadline_time"]))
    if run.get("state") == "failed":
        return f"{name}: the run has failed, which was told then"
    told = await asyncio.to_thread(notices.once, name, text)
    return text if told else f"{name}: told before"


def words(run: dict[str, Any], due: str) -> tuple[str, str]:
    night = run.get("partition_key")
    return (f"overdue.night.{night}",
            f"the scores of the night {night} were due {due[:16].replace('T', ' ')} UTC and are not there: "
            f"{run['dag_id']} is {run.get('state')} ({run['dag_run_id']}); the scores before serve until they expire")


class TelcoDeadlines(AirflowPlugin):
    name = "telco_deadlines"
    deadline_references = [StartOfNight]  # noqa: RUF012  Airflow's own form
