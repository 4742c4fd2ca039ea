"""F20: a key that comes twice multiplies no row: the door keeps every copy out, and every mart has its grain tested."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing import reading
from pipelines.landing.contract import FEEDS
from pipelines.landing.feeds import counters
from pipelines.landing.raw import raw_name

MARTS = Path(__file__).parents[2] / "dbt_project/models/marts"
USAGE = "network.usage_daily"
# Duplicates are counted by key, in whatever form the rows are written.
IDS = [feed.id for feed in FEEDS if feed.source != counters.SOURCE]
ROWS = 400


@pytest.mark.parametrize("feed_id", IDS)
def test_F20_a_key_sent_twice_is_not_in_the_house_and_all_others_are_there_once(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    feed = next(feed for feed in FEEDS if feed.id == feed_id)
    rows = drops.rows(feed_id, ROWS)
    other = next(name for name in rows[3] if name not in feed.key and feed.column(name).identifier is None)
    drops.drop(feed_id, [*rows, {**rows[3], other: rows[4][other]}])
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (ROWS - 1, 2)
    names = [raw_name(feed.column(name)) for name in feed.key]
    table = drops.raw(feed_id)
    assert table.num_rows == table.group_by(names).aggregate([]).num_rows == len({
        tuple(row[name] for name in feed.key) for row in rows}) - 1
    assert [row["line"] - (feed.form.value == "csv") for row in drops.quarantined(feed_id)] == [4, ROWS + 1]
    assert all("occurs more than once" in row["reasons"][0] for row in drops.quarantined(feed_id))


def test_F20_copies_in_different_parts_of_a_large_drop_are_found_too(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART_ROWS", 150)
    monkeypatch.setattr(landing.batch, "PART_ROWS", 150)
    drops.estate(USAGE)
    rows = drops.rows(USAGE, ROWS)
    drops.drop(USAGE, [*rows, {**rows[3], "data_kb": 5}])
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (ROWS - 1, 2)


def test_F20_a_file_delivered_twice_over_is_rejected_and_never_doubled(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, drops.rows(USAGE, ROWS) * 2)
    with pytest.raises(RejectedFile, match="occurs more than once"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()


def test_F20_a_correction_replaces_its_keys_and_is_a_version_of_its_own(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    for kilobytes in (1, 2):
        drops.drop(USAGE, [{**row, "data_kb": kilobytes} for row in drops.rows(USAGE, 5)])
        landing.land(drops.AS_OF)
    table = drops.raw(USAGE)
    assert table.group_by(["msisdn_token", "usage_on", "drop_version"]).aggregate([]).num_rows == table.num_rows == 10


def marts() -> dict[str, dict[str, Any]]:
    models = [model for page in MARTS.rglob("*.yml") for model in yaml.safe_load(page.read_text()).get("models", [])]
    return {model["name"]: model for model in models}


@pytest.mark.parametrize("mart", sorted(path.stem for path in MARTS.rglob("*.sql")))
def test_F20_every_mart_has_a_test_of_its_grain(mart: str) -> None:
    model = marts()[mart]
    grains = [test["grain"]["arguments"]["columns"] for test in model["data_tests"]
              if isinstance(test, dict) and "grain" in test]
    assert len(grains) == 1, f"{mart} has {len(grains)} tests of its grain"
    assert set(grains[0]) <= {column["name"] for column in model["columns"]}


@pytest.mark.parametrize("mart", [name for name in sorted(marts()) if name.startswith(("ftr_", "lbl_"))])
def test_F20_features_and_labels_are_tested_to_have_rows_of_the_as_ofs_asked_for_and_of_no_other(mart: str) -> None:
    tests = {name for test in marts()[mart]["data_tests"] for name in ([test] if isinstance(test, str) else test)}
    assert "every_as_of" in tests
