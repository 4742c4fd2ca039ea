"""A drop against the drops before it: the broken feed is named the same night."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.estate import estate
from pipelines.landing import raw
from pipelines.landing.contract import BY_ID
from pipelines.monitoring import quality
from pipelines.monitoring.measure import Family, Measure, Status
from pipelines.monitoring.quality import Profile, compare

FEED = "network.usage_daily"
USUAL = Profile(
    "2026-09-01", 5000, 3, False,
    {"zeros": {"data_kb": 0.06, "roaming_kb": 0.97}, "missing": {"data_kb": 0.0}, "size": {"data_kb": 90_000.0}},
    {"vendor": {"nokia": 0.4, "huawei": 0.6}},
)
DUMP = replace(USUAL, rows=900_000, is_day_zero=True)


def night(**changed: object) -> Profile:
    return replace(USUAL, **changed)  # type: ignore[arg-type]


def alarms(tonight: Profile, past: list[Profile] | None = None) -> dict[str, Measure]:
    found = compare(FEED, tonight, [USUAL] * 8 if past is None else past)
    assert {(one.family, one.subject) for one in found} == {(Family.QUALITY, FEED)}
    return {one.name: one for one in found if one.status is Status.ALARM}


BROKEN: dict[str, tuple[Profile, str]] = {
    "well-formed zeros": (night(columns={**USUAL.columns, "zeros": {"data_kb": 1.0, "roaming_kb": 1.0}}), "zeros"),
    "gaps": (night(columns={**USUAL.columns, "missing": {"data_kb": 0.4}}), "missing"),
    "another unit": (night(columns={**USUAL.columns, "size": {"data_kb": 90.0}}), "size"),
    "a third of the rows": (night(rows=1600), "rows"),
    "rows in quarantine": (night(quarantined=80), "quarantined"),
    "codes of another meaning": (night(mix={"vendor": {"samsung": 0.9, "nokia": 0.1}}), "mix"),
}


def test_what_people_do_may_shift_and_a_list_of_what_there_is_may_not() -> None:
    tonight = night(mix={"vendor": {"nokia": 0.8, "huawei": 0.2}})
    status = {feed: {one.name: one.status for one in compare(feed, tonight, [USUAL] * 8)}["mix"]
              for feed in ("care.interactions", "network.cells")}
    assert status == {"care.interactions": Status.OK, "network.cells": Status.ALARM}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.mlts("O2")
def test_a_broken_drop_alarms_and_says_what_is_usual(what: str) -> None:
    tonight, name = BROKEN[what]
    found = alarms(tonight)
    assert list(found) == [name]
    assert found[name].detail


def test_the_columns_that_broke_are_named() -> None:
    assert alarms(BROKEN["well-formed zeros"][0])["zeros"].detail == "data_kb: 100% zeros, usually 6%"


def test_a_usual_drop_alarms_nobody() -> None:
    assert alarms(USUAL) == {}
    assert alarms(night(rows=5600, quarantined=5)) == {}


def test_a_feed_that_swings_every_week_has_the_bound_of_its_swing() -> None:
    past = [night(rows=rows) for rows in (1000, 5000, 1100, 5200, 900, 5000, 1000, 4800)]
    assert alarms(night(rows=5000), past) == {}


def test_the_first_night_after_a_dump_is_compared_with_the_dump() -> None:
    assert list(alarms(BROKEN["well-formed zeros"][0], [DUMP])) == ["zeros"]
    assert alarms(USUAL, [DUMP]) == {}


def test_without_any_past_and_on_thin_drops_no_share_is_judged() -> None:
    assert alarms(BROKEN["gaps"][0], []) == {}
    assert alarms(replace(BROKEN["gaps"][0], rows=20), [night(rows=20)] * 8) == {}


def land(dt: date, data_kb: list[int]) -> None:
    feed = BY_ID[FEED]
    schema = raw.schema(feed)
    rows = len(data_kb)
    table = pa.table([pa.array(data_kb, field.type) if field.name == "data_kb" else pa.nulls(rows, field.type)
                      for field in schema], schema=schema)

    def write(path: Path) -> int:
        pq.write_table(table, path)
        return rows

    drop = {"rows": rows, "quarantined": 0, "day_zero": False, "version": 1, "sha256": "", "known_on": str(dt)}
    raw.dataset(feed).publish({"dt": dt.isoformat()}, write, inputs={"drops": [drop]})


def of_usage(as_of: date) -> dict[str, Measure]:
    return {one.name: one for one in quality.measure(as_of) if one.subject == FEED}


@pytest.mark.mlts("O2")
def test_zeros_that_landed_are_seen_on_their_night_and_an_absent_drop_on_its_own(home: Path) -> None:
    first = date(2026, 5, 1)
    for back in range(8):
        land(first + timedelta(days=back), [back, *range(1, 400)])
    land(first + timedelta(days=8), [0] * 400)
    quiet, broken, absent = (of_usage(first + timedelta(days=day)) for day in (8, 9, 10))
    assert all(one.status is Status.OK for one in quiet.values())
    assert broken["zeros"].status is Status.ALARM
    assert "data_kb" in broken["zeros"].detail
    assert list(absent) == ["absent"]
    assert absent["absent"].status is Status.ALARM
    assert of_usage(first + timedelta(days=9)) == broken  # from the kept profiles


@pytest.mark.parametrize(("mandatory", "status"), [(True, Status.ALARM), (False, Status.OK)])
def test_an_optional_feed_declared_absent_is_shown_and_no_alarm(
    home: Path, monkeypatch: pytest.MonkeyPatch, mandatory: bool, status: Status
) -> None:
    first = date(2026, 5, 1)
    for back in range(8):
        land(first + timedelta(days=back), [back, *range(1, 400)])
    raw.dataset(BY_ID[FEED]).declare_absent([{"dt": "2026-05-09"}], "maintenance")
    ours = estate()
    feeds = {**ours.feeds, FEED: ours.feeds[FEED].model_copy(update={"mandatory": mandatory})}
    monkeypatch.setattr(quality, "estate", lambda: ours.model_copy(update={"feeds": feeds}))
    told = of_usage(first + timedelta(days=9))["absent"]
    assert (told.status, told.detail.split(";")[0]) == (status, "dt=2026-05-09: maintenance")
