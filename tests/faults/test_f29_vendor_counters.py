"""F29: counters of four vendors. What nobody mapped stops at the door; the same period told four ways is one row."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.feeds.counters import MEASUREMENTS, SOURCE, VENDORS, Vendor

UNIT_TESTS = Path(__file__).parents[2] / "dbt_project/models/staging/pm/_pm__unit_tests.yml"
EACH_VENDOR = pytest.mark.parametrize("vendor", VENDORS, ids=[vendor.name for vendor in VENDORS])


def deliver(drops: ModuleType, vendor: Vendor, columns: list[str]) -> str:
    """One cell's day under these column names, those nobody knows filled with a number."""
    feed_id = f"{SOURCE}.{vendor.name}"
    drops.estate(feed_id)
    rows = [{**dict.fromkeys(columns, 1.0), **row} for row in drops.rows(feed_id, 1)]
    drops.drop(feed_id, rows, columns=columns)
    return feed_id


def names(vendor: Vendor) -> list[str]:
    return [vendor.cell, vendor.start, *(counter.name for counter in vendor.counters)]


@EACH_VENDOR
def test_F29_a_counter_nobody_mapped_rejects_the_file_and_is_named(
    home: Path, drops: ModuleType, vendor: Vendor
) -> None:
    feed_id = deliver(drops, vendor, [*names(vendor), "pmNobody.Knows-Me 2"])
    with pytest.raises(RejectedFile, match=r"columns nobody mapped: pmNobody\.Knows-Me 2"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()
    assert "pmNobody.Knows-Me 2" in drops.reasons_of_rejection(feed_id)[0]


@EACH_VENDOR
def test_F29_every_counter_that_is_missing_rejects_the_file_and_is_named(
    home: Path, drops: ModuleType, vendor: Vendor
) -> None:
    for counter in vendor.counters:
        feed_id = deliver(drops, vendor, [name for name in names(vendor) if name != counter.name])
        with pytest.raises(RejectedFile) as rejected:
            landing.land(drops.AS_OF)
        assert f"columns missing: {counter.name};" in str(rejected.value)
    assert not drops.raw_path(feed_id).exists()


@EACH_VENDOR
def test_F29_a_counter_under_another_vendors_name_is_rejected_naming_both(
    home: Path, drops: ModuleType, vendor: Vendor
) -> None:
    other = next(one for one in VENDORS if one.name != vendor.name).counters[0].name
    mine = vendor.counters[0].name
    feed_id = deliver(drops, vendor, [other if name == mine else name for name in names(vendor)])
    with pytest.raises(RejectedFile, match=f"columns missing: {mine}; columns unexpected: {other}"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()


@EACH_VENDOR
def test_F29_a_vendors_own_counters_land_with_all_periods_of_its_day(
    home: Path, drops: ModuleType, vendor: Vendor
) -> None:
    feed_id = deliver(drops, vendor, names(vendor))
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (24 * 60 // vendor.granularity_minutes, 0)
    assert drops.raw(feed_id).num_rows == landed.rows


def test_F29_one_unit_test_per_vendor_tells_the_same_period_and_expects_the_same_row() -> None:
    page = yaml.safe_load(UNIT_TESTS.read_text())
    tests = {test["model"].removeprefix("stg_pm__"): test for test in page["unit_tests"]}
    assert set(tests) == {vendor.name for vendor in VENDORS}
    canonical = []
    for vendor in VENDORS:
        given = tests[vendor.name]["given"][0]["rows"][0]
        told = dict(tests[vendor.name]["expect"]["rows"][0])
        assert (told.pop("vendor"), told.pop("period_minutes")) == (vendor.name, vendor.granularity_minutes)
        where = {"cell_id": given[vendor.cell], "period_start_at": given[vendor.start]}
        assert told == {**where, **measured(vendor, given)}
        canonical.append(told)
    assert canonical == [canonical[0]] * len(VENDORS)


def measured(vendor: Vendor, row: dict[str, Any]) -> dict[str, float]:
    found = {counter.measurement: row[counter.name] * counter.factor for counter in vendor.counters}
    assert set(found) == set(MEASUREMENTS)
    return {name: pytest.approx(value) for name, value in found.items()}
