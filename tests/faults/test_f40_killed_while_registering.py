"""F40: killed between any two calls to the registry. No alias points at half a version, and the next run mends it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, registration, scoring, tracking
from pipelines.models import SPECS
from pipelines.settings import settings

CHURN = SPECS["churn"]
NAME = CHURN.registered_name
DAY = date(2026, 6, 1)
TAGS = {"identity": "one training", "trained_as_of": DAY.isoformat()}
FACTS = {
    "model": "churn", "feature_service": "churn_v2", "columns": [], "categories": {},
    "calibrator": {"kind": "identity"}, "verdict": {"passed": True, "reasons": []}, "identity": "one training",
}


class Killed(BaseException):
    """As a kill, it is caught by nobody."""


class Client:
    """The registry's client, killed before its n-th call that writes."""

    def __init__(self, real: Any, calls: list[str], last: int) -> None:
        self.real, self.calls, self.last = real, calls, last

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if name.startswith(("get_", "search_", "download_")):
            return method

        def call(*words: Any, **more: Any) -> Any:
            if len(self.calls) == self.last:
                raise Killed(name)
            self.calls.append(name)
            return method(*words, **more)

        return call


def train() -> None:
    """What a training does with the registry, for a model that is a formula."""
    found = tracking.register(NAME, TAGS, parameters={"depth": 4}, metrics={"auc": 0.7})
    bundle = bundles.save(bundles.path_of("churn", found.version), {**FACTS, "version": found.version})
    registration.settle(found, bundle)


def calls(home: Path) -> list[str]:
    made: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        client = tracking._client
        patch.setattr(tracking, "_client", lambda: Client(client(), made, 1000))
        train()
    return made


def kill(at: int) -> None:
    made: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        client = tracking._client
        patch.setattr(tracking, "_client", lambda: Client(client(), made, at))
        with pytest.raises(Killed):
            train()


@pytest.fixture
def begun(
    home: Path, give_registry: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Begin anew in a home of its own, whose champion was put in force before."""
    count = itertools.count()

    def again() -> None:
        monkeypatch.setenv("TELCO_HOME", str(home / str(next(count))))
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        settings.cache_clear()
        give_registry(settings().home)
        standing = bundles.save(bundles.path_of("churn", 9), {**FACTS, "version": 9, "identity": "the champion"})
        champions.enter("churn", 9, date(2026, 1, 1), standing.sha256, reason="test")

    again()
    return again


def in_order() -> bool:
    """No alias points at a version that is not stored whole, and the night has its champion."""
    holder = tracking.version_by_alias(NAME, "challenger")
    if holder is not None:
        bundles.load(bundles.path_of("churn", holder.version), expected=holder.tags["sha256"])
        assert holder.tags["verdict"] == "passed"
    found = scoring.standing("churn", DAY)
    return (found.champion.version, found.flags) == (9, ())


def settled() -> None:
    [found] = tracking.versions(NAME)
    holder = tracking.version_by_alias(NAME, "challenger")
    assert (found.version, found.state) == (1, tracking.READY)
    assert holder is not None
    assert holder.version == 1
    assert found.tags["sha256"] == bundles.load(bundles.path_of("churn", 1)).sha256


def test_F40_a_training_killed_at_any_call_is_whole_after_the_next_one(home: Path, begun: Callable[[], None]) -> None:
    every = calls(home)
    assert {"create_run", "create_model_version", "log_artifacts", "set_registered_model_alias",
            "set_model_version_tag", "set_terminated"} <= set(every)
    for place, name in enumerate(every):
        begun()
        kill(place)
        assert in_order(), name
        train()
        settled()
        assert in_order(), name
        registration.tidy(CHURN)
        settled()
        assert not open_runs(), name


def test_F40_what_nobody_trains_again_the_janitor_settles_or_ends(home: Path, begun: Callable[[], None]) -> None:
    states = {}
    every = calls(home)
    for place in range(len(every)):
        begun()
        kill(place)
        registration.tidy(CHURN)
        found = tracking.versions(NAME)
        states[f"{place} {every[place]}"] = found[0].state if found else "none"
        assert in_order()
        assert not open_runs()
        if found and found[0].state == tracking.READY:
            settled()
    made = next(place for place, name in enumerate(every) if name == "create_model_version")
    assert set(list(states.values())[: made + 1]) == {"none"}  # only runs were left, and they are ended
    assert set(list(states.values())[made + 1 :]) == {tracking.READY}


def test_F40_a_version_whose_bundle_was_never_written_is_marked_and_the_same_training_settles_it(
    home: Path, begun: Callable[[], None]
) -> None:
    found = tracking.register(NAME, TAGS)
    [done] = registration.tidy(CHURN)
    assert (done.version, done.state) == (found.version, tracking.ABANDONED)
    assert tracking.versions(NAME)[0].tags["abandoned"].endswith("the bundle is gone or was never written")
    assert registration.tidy(CHURN) == []
    train()
    settled()


def open_runs() -> list[str]:
    client = tracking._client()
    of_versions = {found.run_id for found in tracking.versions(NAME)}
    return [run.info.run_id for run in client.search_runs([tracking._experiment(client)])
            if run.info.status == "RUNNING" and run.info.run_id not in of_versions]
