"""The page of features says what dbt says."""

from __future__ import annotations

from pipelines.warehouse import catalogue


def test_the_page_of_features_is_current() -> None:
    assert catalogue.PAGE.read_text(encoding="utf-8") == catalogue.page(), (
        "docs/reference/features.md is stale; run python -m pipelines.warehouse.catalogue"
    )


def test_every_feature_has_a_line() -> None:
    names = [column["name"] for model in catalogue.models() for column in model["columns"]]
    lines = catalogue.page().splitlines()
    described = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert len(described) > 50
    assert described == [name for name in names if name not in {"subscriber_id", "event_timestamp", "created_at"}]
