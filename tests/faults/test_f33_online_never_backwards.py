"""F33: a backfill older than the online store's high-water mark leaves the online store untouched."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pytest

from pipelines import features
from pipelines.features import desk, online, store

OLD, NEW = date(2026, 1, 5), date(2026, 1, 12)


@pytest.fixture
def partitions(home: Path) -> ModuleType:
    path = Path(__file__).parents[1] / "pipelines" / "features" / "partitions.py"
    spec = importlib.util.spec_from_file_location("telco_partitions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.publish_world([OLD, NEW])
    return module


def test_F33_an_older_night_after_a_newer_one_leaves_what_is_online(partitions: ModuleType) -> None:
    assert features.materialize(NEW)
    before = features.lookup("subscriber_online", partitions.ids(190))
    lines: list[str] = []
    assert not features.materialize(OLD, report=lines.append)
    assert "stands at 2026-01-12; 2026-01-05 is older" in lines[-1]
    pd.testing.assert_frame_equal(features.lookup("subscriber_online", partitions.ids(190)), before)
    assert set(before["as_of"]) == {NEW}
    expected = partitions.values(partitions.BILLING, 190, NEW)["price_eur"].tolist()
    assert before["price_eur"].tolist() == expected


def test_F33_without_the_guard_the_store_would_go_backwards(partitions: ModuleType) -> None:
    """The behaviour the guard is there for: what was written last stands, whatever its date."""
    features.materialize(NEW)
    view = store.online_views(pushed=False)[0]
    store.write_online(view, OLD)
    assert set(features.lookup("subscriber_online", ["sub_00001"])["as_of"]) == {OLD}


def test_F33_a_night_killed_while_writing_is_repeated_and_not_overtaken_by_an_older_one(
    partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(view: object, as_of: date) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(online.store, "write_online", killed)
        with pytest.raises(KeyboardInterrupt):
            features.materialize(NEW)
    assert not features.materialize(OLD)
    assert features.materialize(NEW)
    assert set(features.lookup("subscriber_online", ["sub_00001"])["as_of"]) == {NEW}


def scores(people: list[str], probability: float, as_of: date) -> pa.Table:
    return pa.Table.from_pandas(pd.DataFrame({
        "subscriber_id": people, "churn_probability": probability, "churn_decile": 1, "churn_reasons": "it rose",
        "churn_version": 1, "ltv_eur_12m": 100.0, "ltv_version": 1,
        "expires_at": pd.Timestamp(as_of) + pd.Timedelta("3D"),
    }), preserve_index=False)


def test_F33_the_scores_of_a_backfilled_night_leave_the_newer_ones(partitions: ModuleType) -> None:
    people = partitions.ids(3)
    assert features.push_scores(NEW, scores(people, 0.5, NEW))
    lines: list[str] = []
    assert not features.push_scores(OLD, scores(people, 0.9, OLD), report=lines.append)
    assert [line.split(": ")[1] for line in lines] == [
        "online view subscriber_scores stands at 2026-01-12; 2026-01-05 is older and was left out"]
    assert desk.ask(people[0], NEW).churn_probability == 0.5
    assert features.push_scores(NEW, scores(people, 0.6, NEW))  # the same night again: a rollback's scores
    assert desk.ask(people[0], NEW).churn_probability == 0.6


def test_F33_a_push_killed_while_writing_is_repeated_and_not_overtaken(
    partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    people = partitions.ids(3)
    with monkeypatch.context() as patch:
        patch.setattr(online.store, "push", killed)
        with pytest.raises(KeyboardInterrupt):
            features.push_scores(NEW, scores(people, 0.5, NEW))
    assert not features.push_scores(OLD, scores(people, 0.9, OLD))
    assert features.push_scores(NEW, scores(people, 0.5, NEW))
    assert desk.ask(people[2], NEW).as_of == NEW
