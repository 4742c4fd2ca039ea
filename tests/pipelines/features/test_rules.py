"""A service that a registered model was trained with is what it was, or the definitions are not registered."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest

from pipelines import bundle, features, training
from pipelines.errors import Held, IntegrityError
from pipelines.features import rules, store
from pipelines.settings import settings

Edit = Callable[[str, str, str], None]


@pytest.fixture
def edit(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Change a file of a copy of feature_repo that the store then loads."""
    copy = tmp_path / "feature_repo"
    shutil.copytree(store.REPOSITORY, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(store, "REPOSITORY", copy)

    def change(name: str, old: str, new: str) -> None:
        text = (copy / name).read_text()
        assert old in text
        (copy / name).write_text(text.replace(old, new))

    store._open_store.cache_clear()
    yield change
    store._open_store.cache_clear()


def register(columns: list[str], *, service: str = "churn_v1", version: int = 3,
             categories: dict[str, list[str]] | None = None) -> None:
    facts = {"model": "churn", "version": version, "feature_service": service, "columns": columns,
             "categories": categories or {}, "calibrator": {"kind": "identity"}}
    bundle.save(bundle.path_of("churn", version), facts)


def test_a_column_added_to_a_service_a_model_was_trained_with_is_refused_at_apply_and_at_train(
    edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = features.feature_columns("churn_v1")
    register(columns, categories={"contract_type": ["month_to_month"]})
    for name in ("feature_views.py", "feature_services.py"):
        edit(name, '"mean_wait_s_90d"', '"mean_wait_s_90d", "mean_wait_s_30d"')
    with pytest.raises(Held) as held:
        features.apply()
    assert held.value.exit_code == 3
    assert str(held.value) == (
        "feature service churn_v1: held\n"
        "  - churn v3 was trained with it and it has changed since\n"
        "  - added: mean_wait_s_30d\n"
        "  next: leave churn_v1 as it was; declare other columns as churn_v2 and name that in the model's spec"
    )
    # What was registered stands: the old columns are what the registry still says.
    standing = {field.name for field in store._open().get_feature_view("ftr_subscriber_care").features}
    assert "mean_wait_s_90d" in standing
    assert "mean_wait_s_30d" not in standing
    monkeypatch.setattr("pipelines.training.frames.check_published", lambda *arguments: None)
    monkeypatch.setattr("pipelines.training.frames.thinned", lambda spec, cutoffs, report: cutoffs)
    monkeypatch.setattr("pipelines.training.frames.labels", lambda *arguments: frame_of_labels())
    monkeypatch.setattr("pipelines.governance.purpose.leave", lambda *arguments: None)
    monkeypatch.setattr("pipelines.training.leakage.arrival", lambda *arguments: {})
    monkeypatch.setattr("pipelines.training.frames.check_labels", lambda *arguments: None)
    with pytest.raises(Held, match="declare other columns as churn_v2"):
        training.train("churn", date(2027, 1, 1))


def frame_of_labels():  # type: ignore[no-untyped-def]
    import pandas as pd

    return pd.DataFrame({"subscriber_id": ["sub_1"], "event_timestamp": [pd.Timestamp("2026-01-05")],
                         "is_churned": [True]})


def test_the_same_columns_as_a_second_service_are_welcome(edit: Edit) -> None:
    columns = features.feature_columns("churn_v1")
    register(columns)
    edit("feature_services.py", 'ltv_v1 = ', 'churn_v9 = FeatureService(name="churn_v9", features=['
         'ftr_subscriber_billing])\nltv_v1 = ')
    assert features.apply()
    assert features.feature_columns("churn_v1") == columns
    assert "price_eur" in features.feature_columns("churn_v9")


VIEWS = {"v": dict.fromkeys(rules.TAGS, "x") | {"purpose": "ANALYTICS MODEL_TRAINING"}}
SERVICE = rules.Service("churn_v1", MappingProxyType({"a": "Int64", "b": "String"}), ("v",))


@pytest.mark.parametrize(("service", "says"), [
    pytest.param(replace(SERVICE, columns={"a": "Int64"}), "taken away: b", id="taken away"),
    pytest.param(replace(SERVICE, columns={"a": "Int64", "b": "Int64"}), "no longer text: b", id="another type"),
    pytest.param(replace(SERVICE, name="churn_v2"), "it is gone from feature_repo", id="gone"),
])
def test_a_claim_is_broken_in_every_way_it_can_be(home: Path, service: rules.Service, says: str) -> None:
    register(["a", "b"], categories={"b": ["x"]})
    rules.check(VIEWS, {"churn_v1": SERVICE})
    with pytest.raises(Held, match=f"churn v3 was trained with it and it has changed since\n  - {says}"):
        rules.check(VIEWS, {service.name: service})


def test_columns_in_another_order_break_nothing_because_they_are_taken_by_name(home: Path) -> None:
    register(["b", "a"])
    rules.check(VIEWS, {"churn_v1": SERVICE})


def test_an_older_version_holds_its_service_too(home: Path) -> None:
    """It may be rolled back to, and is then scored with its own service."""
    register(["a", "b"], version=1)
    register(["a", "b", "c"], service="churn_v2", version=2)
    second = rules.Service("churn_v2", {"a": "Int64", "b": "String", "c": "Int64"}, ("v",))
    rules.check(VIEWS, {"churn_v1": SERVICE, "churn_v2": second})
    with pytest.raises(Held, match="feature service churn_v1: held"):
        rules.check(VIEWS, {"churn_v2": second})


def test_a_bundle_that_does_not_say_its_columns_stops_everything(home: Path) -> None:
    register(["a", "b"])
    (settings().models / "churn" / "v3" / "bundle.json").write_text("{}")
    with pytest.raises(IntegrityError, match="does not say its columns"):
        rules.check(VIEWS, {"churn_v1": SERVICE})


def test_a_service_that_trains_may_not_use_a_view_for_looking_people_up(home: Path) -> None:
    views = VIEWS | {"w": VIEWS["v"] | {"purpose": "ANALYTICS"}}
    with pytest.raises(Held, match="service churn_v1 uses view w, which does not allow MODEL_TRAINING"):
        rules.check(views, {"churn_v1": replace(SERVICE, views=("v", "w"))})


@pytest.mark.parametrize(("tag", "value", "says"), [
    *((tag, "", f"view v lacks the tags {tag}") for tag in rules.TAGS),
    ("purpose", "ANALYTICS MODEL_TRAINING ADVERTS", "purposes that do not exist: ADVERTS"),
])
def test_a_view_without_a_tag_is_refused(home: Path, tag: str, value: str, says: str) -> None:
    with pytest.raises(Held, match=says):
        rules.check({"v": VIEWS["v"] | {tag: value}}, {})
