"""Of the verdicts of a night only those that retrain change `drift_<model>`; a retrain says which one started it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines import monitoring
from pipelines.errors import Held
from pipelines.models import SPECS
from pipelines.monitoring import Action, Cause, DriftVerdict

NIGHT = date(2026, 9, 1)
RUN = SimpleNamespace(partition_key=NIGHT.isoformat(), conf={}, start_date=None)


@dataclass
class Outlet:
    """What a task puts on an alias."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getitem__(self, alias: Any) -> Outlet:
        return self

    def add(self, asset: Any, extra: dict[str, Any]) -> None:
        self.events.append((asset.name, extra))


def told(cause: Cause, action: Action) -> DriftVerdict:
    return DriftVerdict("churn", NIGHT, 3, cause, action, ("price_eur: psi 0.9, bound 0.2",), ("price_eur",), (), ())


@pytest.mark.parametrize(("cause", "action"), [
    (cause, action) for cause in Cause for action in (Action.NONE, Action.FLAG, Action.RETRAIN)
])
def test_only_a_verdict_that_retrains_is_an_event(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch, cause: Cause, action: Action
) -> None:
    monkeypatch.setattr(monitoring, "monitor", lambda *arguments, **more: told(cause, action))
    task, outlet = dags["monitor"].get_task("watch_churn"), Outlet()
    task.python_callable("churn", dag_run=RUN, outlet_events=outlet)
    if action is not Action.RETRAIN:
        assert outlet.events == []
        return
    ((asset, extra),) = outlet.events
    assert asset == "drift_churn"
    assert (extra["cause"], extra["columns"]) == (cause.value, ["price_eur"])
    assert extra["reasons"] == ["price_eur: psi 0.9, bound 0.2"]


def test_a_broken_feed_fails_its_task_and_is_no_event(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "monitor", lambda *arguments, **more: told(Cause.BROKEN_FEED, Action.HOLD))
    outlet = Outlet()
    with pytest.raises(Exception, match="broken_feed: held") as raised:
        dags["monitor"].get_task("watch_churn").python_callable("churn", dag_run=RUN, outlet_events=outlet)
    assert isinstance(raised.value, Held) or isinstance(raised.value.__cause__, Held)
    assert outlet.events == []


def test_every_model_that_is_watched_can_be_retrained_by_it(dags: dict[str, Any]) -> None:
    assert {task.task_id for task in dags["monitor"].tasks} == {f"watch_{model}" for model in SPECS}


def test_a_retrain_says_in_words_what_started_it(dags: dict[str, Any]) -> None:
    task = dags["retrain_churn"].get_task("train")
    reasons = task.python_callable.__globals__["reasons"]
    drift = SimpleNamespace(name="drift_churn", uri="telco://drift_churn")
    due = SimpleNamespace(name="retrain_due_churn", uri="telco://due")
    alias = SimpleNamespace(name="drift_signal_churn")
    event = SimpleNamespace(extra=monitoring.event(told(Cause.CONCEPT_SHIFT, Action.RETRAIN)))
    weekly = SimpleNamespace(extra={"reason": "weekly retrain of churn at 2026-09-01"})
    events = Events({0: (drift, [event]), 1: (due, [weekly]), 2: (alias, [event])})
    assert reasons(events) == [
        "by drift_churn (concept_shift): price_eur: psi 0.9, bound 0.2",
        "by retrain_due_churn: weekly retrain of churn at 2026-09-01",
    ]
    assert reasons(None) == []


class Events:
    """Airflow's mapping of assets to their events, whose keys are made anew at every look."""

    def __init__(self, told: dict[int, tuple[Any, list[Any]]]) -> None:
        self._told = told

    def __iter__(self) -> Any:
        return iter([asset for asset, _ in self._told.values()])

    def __getitem__(self, asset: Any) -> list[Any]:
        return next(events for one, events in self._told.values() if one is asset)
