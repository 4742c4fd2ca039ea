"""What may be used for what, held over every mart, service and spec."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from asked import Asked

from pipelines.features import store
from pipelines.models import SPECS
from pipelines.models.spec import Purpose
from pipelines.settings import settings

PROJECT = Path(__file__).parents[2] / "dbt_project"


def described() -> dict[str, dict[str, Any]]:
    """Every model of the project by name, with the folder it stands in."""
    files = sorted((PROJECT / "models").rglob("_*__models.yml"))
    return {model["name"]: {**model, "folder": path.parent.name}
            for path in files for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]}


MODELS = described()
MARTS = {name: model for name, model in MODELS.items() if model["folder"] in ("core", "features", "labels")}


def meta(column: dict[str, Any]) -> dict[str, Any]:
    return dict(column.get("config", {}).get("meta", {}))


def prohibited() -> set[str]:
    return {column["name"] for model in MODELS.values() for column in model.get("columns", ())
            if meta(column).get("prohibited")}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Columns by service and view, as registered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("governance")))
        settings.cache_clear()
        registered = store._registered()
        yield {service.name: {view.name: [field.name for field in view.features]
                              for view in service.feature_view_projections}
               for service in registered.list_feature_services()}
    settings.cache_clear()


def test_every_column_of_every_mart_says_whose_it_is_and_what_for() -> None:
    assert len(MARTS) >= 9
    purposes = {purpose.value for purpose in Purpose}
    silent = [f"{name}.{column['name']}" for name, model in MARTS.items() for column in model["columns"]
              if meta(column).get("pii") not in ("none", "pseudonym", "personal")
              or not set(meta(column).get("purpose", ())) or not set(meta(column)["purpose"]) <= purposes]
    assert silent == []


@pytest.mark.mlts("D4")
def test_no_feature_service_has_a_prohibited_column(services: Any) -> None:
    assert prohibited() >= {"age_band", "region"}
    assert len(services) >= 4
    found = [f"{service}: {name}" for service, views in services.items() for names in views.values()
             for name in names if name in prohibited()]
    assert found == []


def test_no_feature_model_reads_a_prohibited_column_under_another_name() -> None:
    files = sorted((PROJECT / "models/marts/features").glob("*.sql"))
    assert len(files) >= 3
    found = [f"{path.name}: {name}" for path in files for name in sorted(prohibited())
             if re.search(rf"\b{name}\b", path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.mlts("D4")
def test_every_feature_of_a_spec_may_be_trained_and_scored_with(services: Any) -> None:
    for spec in SPECS.values():
        needed = {spec.train_purpose.value, spec.score_purpose.value}
        for view, names in services[spec.feature_service].items():
            allowed = {column["name"]: set(meta(column)["purpose"]) for column in MARTS[view]["columns"]}
            assert [name for name in names if not needed <= allowed[name]] == [], spec.name


def test_every_spec_has_one_exposure_of_what_it_reads() -> None:
    exposures = yaml.safe_load((PROJECT / "models/_exposures.yml").read_text(encoding="utf-8"))["exposures"]
    assert sorted(exposure["name"] for exposure in exposures) == sorted(SPECS)
    for exposure in exposures:
        spec = SPECS[exposure["name"]]
        read = {re.fullmatch(r"ref\('(\w+)'\)", one)[1] for one in exposure["depends_on"]}  # type: ignore[index]
        labels = {spec.label}
        if "survival_from" in spec.parameters:  # its person-periods end by the other model's label
            labels.add(SPECS[spec.parameters["survival_from"]].label)
        # The roster is published from the model of eligibility and is no mart.
        assert read == {*spec.feature_tables, *labels} - {"roster"}, spec.name


@pytest.mark.parametrize(("known_on", "is_delivered", "faults"), [
    ("2026-02-28", True, 0), ("2026-02-15", True, 0), ("2026-02-14", True, 1), ("2026-03-02", True, 1),
    ("2026-02-14", False, 0),
])
def test_a_delivered_feed_that_says_nothing_for_days_is_found(known_on: str, is_delivered: bool, faults: int) -> None:
    asked = Asked({
        "int_as_of": ([{"as_of": date(2026, 3, 1), "has_features": True}],
                      {"as_of": pa.date32(), "has_features": pa.bool_()}),
        "estate_feeds": ([{"shape_id": "network.usage_daily", "is_delivered": is_delivered}],
                         {"shape_id": pa.string(), "is_delivered": pa.bool_()}),
        "told": ([{"known_on": date.fromisoformat(known_on)}], {"known_on": pa.date32()}),
    })
    assert len(asked.faults("not_silent", "told", feed="network.usage_daily", days=14)) == faults


def test_a_row_from_the_future_is_found() -> None:
    rows = [{"usage_on": date(2026, 3, day), "known_on": date(2026, 3, 2)} for day in (1, 2, 3)]
    asked = Asked({"told": (rows, {"usage_on": pa.date32(), "known_on": pa.date32()})})
    assert len(asked.faults("not_in_future", "told", column_name="usage_on", known_column="known_on")) == 1
