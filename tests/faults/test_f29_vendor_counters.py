"""F29: four vendors' counters in their own names and units tell one canonical row; an unknown counter is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import duckdb
import jinja2
import pytest

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.contract import BY_ID

DBT = Path(__file__).parents[2] / "dbt_project"
# One hour of one cell, told by hand in each vendor's units; counts are of the hour, whatever the granularity.
HOUR = {
    "rrc_attempts": 1200, "rrc_successes": 1188, "bearer_attempts": 2400, "bearer_successes": 2376,
    "bearer_releases": 2280, "bearer_abnormal_releases": 24, "dl_volume_kbit": 9_600_000, "dl_active_ms": 1_200_000,
    "dl_delay_ms_sum": 600_000, "dl_delay_packets": 60_000, "unavailable_s": 120, "prb_used": 144_000,
    "prb_available": 360_000,
}
COUNTS = (1200, 1188, 2400, 2376, 2280, 24)
TOLD = {  # vendor -> (periods of the hour, the sums of the hour in the order of its columns)
    "ericsson": (4, (*COUNTS, 9_600_000, 1_200_000, 600_000, 60_000, 120, 144_000, 360_000)),  # kbit, ms, ms, s
    "nokia": (1, (*COUNTS, 1_200_000, 1_200_000, 600_000_000, 60_000, 12, 144_000, 360_000)),  # kB, ms, us, 10 s
    "huawei": (2, (*COUNTS, 9_600_000_000, 1_200_000, 600_000, 60_000, 120, 144_000, 360_000)),  # bit, ms, ms, s
    "samsung": (4, (*COUNTS, 1200, 1200, 600_000_000, 60_000, 2, 144_000, 360_000)),  # MB, s, us, min
}


def hour(drops: ModuleType, vendor: str) -> list[dict[str, object]]:
    """The hour as the vendor's rows, spread evenly over its periods, and the rest of the day beside it."""
    feed_id = f"pm.{vendor}"
    periods, sums = TOLD[vendor]
    cell, start, *counters = (column.name for column in BY_ID[feed_id].columns)
    noon = datetime(drops.DT.year, drops.DT.month, drops.DT.day, 12)
    told = [
        {cell: "C1", start: noon + number * timedelta(minutes=60 // periods),
         **{name: value / periods for name, value in zip(counters, sums, strict=True)}}
        for number in range(periods)
    ]
    others = [{**row, cell: "C1"} for row in drops.rows(feed_id, 1)
              if not noon <= row[start] < noon + timedelta(hours=1)]
    return [*told, *others]


@pytest.mark.parametrize("vendor", TOLD)
def test_F29_each_vendors_hour_lands_and_becomes_the_same_canonical_row(
    home: Path, drops: ModuleType, vendor: str
) -> None:
    feed_id = f"pm.{vendor}"
    drops.estate(feed_id)
    drops.drop(feed_id, hour(drops, vendor))
    (landed,) = landing.land(drops.AS_OF)
    assert landed.quarantined == 0
    # The macro every staging model of counters is made of, as dbt would compile it.
    macro = jinja2.Template((DBT / "macros" / "pm_counters.sql").read_text() + "{{ pm_period(vendor) }}")
    con = duckdb.connect()
    sums = ", ".join(f"sum({name}) as {name}" for name in HOUR)
    found = con.execute(
        f"with period as (select {macro.render(vendor=vendor)} from read_parquet(?) as counters) "
        f"select min(vendor), min(cell_id), sum(period_minutes), {sums} from period where hour(period_start_at) = 12",
        [str(drops.raw_path(feed_id))],
    ).fetchall()
    assert [float(value) if number > 1 else value for number, value in enumerate(found[0])] == [
        vendor, "C1", 60, *HOUR.values()]


@pytest.mark.parametrize("vendor", TOLD)
@pytest.mark.parametrize("counter", ["pmNewCounter", "L.New Counter", "megabytes"])
def test_F29_a_counter_nobody_mapped_rejects_the_file_and_is_named(
    home: Path, drops: ModuleType, vendor: str, counter: str
) -> None:
    feed_id = f"pm.{vendor}"
    drops.estate(feed_id)
    names = [column.name for column in BY_ID[feed_id].columns]
    drops.drop(feed_id, [{**row, counter: 1.0} for row in drops.rows(feed_id, 1)], columns=[*names, counter])
    with pytest.raises(RejectedFile, match=f"columns nobody mapped: {counter}") as told:
        landing.land(drops.AS_OF)
    assert told.value.exit_code == 3
    assert not drops.raw_path(feed_id).exists()


@pytest.mark.parametrize("vendor", TOLD)
def test_F29_a_counter_renamed_by_a_software_release_rejects_the_file_naming_both(
    home: Path, drops: ModuleType, vendor: str
) -> None:
    feed_id = f"pm.{vendor}"
    drops.estate(feed_id)
    names = [column.name for column in BY_ID[feed_id].columns]
    old = names[8]
    drops.drop(feed_id, [{**row, "NewName": row[old]} for row in drops.rows(feed_id, 1)],
               columns=[name if name != old else "NewName" for name in names])
    with pytest.raises(RejectedFile) as told:
        landing.land(drops.AS_OF)
    assert f"columns missing: {old}; columns unexpected: NewName" in str(told.value)


@pytest.mark.parametrize("vendor", TOLD)
def test_F29_whichever_counter_is_missing_rejects_the_file_and_is_named(
    home: Path, drops: ModuleType, vendor: str
) -> None:
    feed_id = f"pm.{vendor}"
    drops.estate(feed_id)
    names = [column.name for column in BY_ID[feed_id].columns]
    for missing in names[2:]:
        drops.drop(feed_id, drops.rows(feed_id, 1), columns=[name for name in names if name != missing])
        with pytest.raises(RejectedFile) as told:
            landing.land(drops.AS_OF)
        assert f"columns missing: {missing};" in str(told.value)
    assert not drops.raw_path(feed_id).exists()


def test_F29_the_warehouse_has_a_unit_test_of_every_vendor() -> None:
    text = (DBT / "models" / "staging" / "pm" / "_pm__unit_tests.yml").read_text()
    assert all(f"model: stg_pm__{vendor}" in text for vendor in TOLD)
