"""The feature definitions keep to the rules that Feast does not hold for us."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.features import rules, store
from pipelines.models import SPECS
from pipelines.models.spec import Purpose
from pipelines.settings import PROJECT, settings
from pipelines.warehouse.publication import FEATURES

FILES = sorted((PROJECT / "feature_repo").glob("*.py"))


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("definitions")))
        settings.cache_clear()
        yield store._registered()
    settings.cache_clear()


def test_every_spec_names_a_registered_service(registered: Any) -> None:
    services = {service.name for service in registered.list_feature_services()}
    assert services >= {spec.feature_service for spec in SPECS.values()}
    assert len(services) >= 2


def test_no_view_runs_code_from_the_registry(registered: Any) -> None:
    assert registered.list_feature_views()
    assert not registered.list_on_demand_feature_views()
    assert not registered.list_stream_feature_views()
    words = ("on_demand_feature_view", "stream_feature_view", "transformation", "udf")
    guilty = [f"{path.name}: {word}" for path in FILES for word in words if word in path.read_text()]
    assert not guilty


def test_feature_names_keep_off_what_breaks_the_duckdb_store(registered: Any) -> None:
    names = [field.name for view in registered.list_feature_views() for field in view.features]
    assert len(names) >= 55
    assert not [name for name in names if name.endswith("_y") or name in {"as_of", "event_timestamp", "created_at"}]


def test_no_feature_is_served_by_two_views_of_one_service(registered: Any) -> None:
    for service in registered.list_feature_services():
        names = [field.name for view in service.feature_view_projections for field in view.features]
        assert len(names) == len(set(names)), service.name


def test_only_narrow_views_go_online(registered: Any) -> None:
    online = sorted((one for one in registered.list_feature_views() if one.online), key=lambda one: one.name)
    assert [view.name for view in online] == ["subscriber_online", "subscriber_scores"]
    assert all(len(view.features) <= 8 for view in online)


def test_every_view_of_a_service_says_which_column_is_never_null_and_serves_one_night(registered: Any) -> None:
    for service in registered.list_feature_services():
        for projection in service.feature_view_projections:
            view = registered.get_feature_view(projection.name)
            assert view.tags["always_set"] in {field.name for field in view.features}
            assert 0 < view.ttl.total_seconds() < 86_400


def test_every_source_reads_published_files_only_and_knows_when_rows_were_known(registered: Any) -> None:
    sources = [view.batch_source for view in registered.list_feature_views()]
    assert {source.name for source in sources} == {*FEATURES, "subscriber_scores"}
    for source in sources:
        assert source.path.endswith(f"/features/{source.name}/as_of=*/data.parquet")
        assert source.created_timestamp_column == "created_at"


def test_every_view_says_who_owns_it_what_it_shows_and_what_it_may_be_used_for(registered: Any) -> None:
    views = registered.list_feature_views()
    assert len(views) >= 4
    for view in views:
        assert {tag for tag in rules.TAGS if view.tags.get(tag)} == set(rules.TAGS), view.name
        assert set(view.tags["purpose"].split()) <= set(Purpose), view.name


def test_a_model_uses_only_views_whose_purpose_allows_its_own(registered: Any) -> None:
    pairs = 0
    for spec in SPECS.values():
        for projection in registered.get_feature_service(spec.feature_service).feature_view_projections:
            allowed = set(registered.get_feature_view(projection.name).tags["purpose"].split())
            assert {spec.train_purpose, spec.score_purpose} <= allowed, (spec.name, projection.name)
            pairs += 1
    assert pairs >= 6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_modules_import_their_siblings_bare(path: Path) -> None:
    """`from feature_repo.entities import ...` would load a module twice, and Feast would refuse the doubled objects."""
    imported = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in imported if name and name.startswith(("feature_repo", "pipelines"))]


# What registered models were trained with: an edit of a service makes them score other columns than they know. A new
# service joins when the first version of its model is promoted.
USED = {
    "churn_v1": (55, "d6301480c5107204"), "ltv_v1": (55, "d6301480c5107204"),
    "churn_v2": (77, "92a5d01363ea8e42"), "ltv_v2": (77, "92a5d01363ea8e42"),
    "upgrade_v1": (77, "92a5d01363ea8e42"),
}


def test_a_service_that_models_may_have_used_never_changes_its_columns(registered: Any) -> None:
    found = {}
    for service in registered.list_feature_services():
        names = [field.name for view in service.feature_view_projections for field in view.features]
        found[service.name] = (len(names), hashlib.sha256(" ".join(names).encode()).hexdigest()[:16])
    assert {name: found.get(name) for name in USED} == USED
