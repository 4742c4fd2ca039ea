"""F38: Airflow's database goes away while a task runs. The work is done, nobody wrote down that it was: it is retried,
and publishes nothing twice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pipelines import scoring
from pipelines.publish import Dataset
from pipelines.settings import PROJECT, settings


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.syspath_prepend(str(PROJECT / "plugins"))
    monkeypatch.syspath_prepend(str(PROJECT / "dags"))
    from dagkit import defaults

    return defaults


def lost(*_: object) -> None:
    from sqlalchemy.exc import OperationalError

    raise OperationalError("update task_instance", {}, Exception("server closed the connection unexpectedly"))


def task(kit: Any, night: ModuleType, *, is_recorded: bool = True) -> Any:
    """What the task `score_and_extract` does, and Airflow's note of its end."""
    with kit.outcomes(SimpleNamespace(start_date=None)):
        scored = scoring.score("churn", night.NIGHT)
        scoring.extract(night.NIGHT)
        if not is_recorded:
            lost()
        return scored


def bytes_of(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((home / "scores").rglob("*")) if path.is_file() and path.name != ".lock"}


def test_F38_a_lost_database_is_a_fault_that_is_retried_and_no_verdict(kit: Any) -> None:
    from sqlalchemy.exc import OperationalError

    with pytest.raises(OperationalError) as fault, kit.outcomes(SimpleNamespace(start_date=None)):
        lost()
    assert kit.POLICY.evaluate(fault.value, 1, kit.RETRIES).action.value == "default"  # as often as kit.RETRIES
    assert kit.RETRIES >= 2


def test_F38_a_task_whose_end_nobody_recorded_publishes_nothing_twice(
    kit: Any, home: Path, night: ModuleType, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sqlalchemy.exc import OperationalError

    night.publish(monkeypatch, partitions)
    with pytest.raises(OperationalError):
        task(kit, night, is_recorded=False)
    before = bytes_of(home)
    again = task(kit, night)
    assert bytes_of(home) == before
    published = Dataset(settings().scores / "churn", ("as_of", "version")).publications()
    assert [(entry.rows, entry.version) for entry in published] == [(again.rows, 1)]
