"""The simulated house: the same bytes for the same arguments, the same events however they are packed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from simulated_homes import SIZE, at, files, rows, simulated

from pipelines.errors import UsageError
from pipelines.estate import load
from pipelines.landing.contract import FEEDS
from pipelines.settings import PROJECT
from pipelines.simulate import simulate
from pipelines.simulate.feeds import MAKERS, SNAPSHOTS

DAY_ZERO = "dt=2025-12-30"
EVENTFUL = [feed.id for feed in FEEDS if feed.id not in SNAPSHOTS]


def test_every_feed_of_the_contract_is_written(dumped: Path):
    assert list(MAKERS) == [feed.id for feed in FEEDS]
    empty = {feed.id for feed in FEEDS if not rows(dumped, feed.id)}
    assert empty <= {"governance.erasure_requests"}, "so rare that a small house may see none"


@pytest.mark.parametrize("feed", EVENTFUL)
def test_the_dump_and_its_nights_hold_the_same_rows_as_one_drop_a_day(dumped: Path, daily: Path, feed: str):
    assert rows(dumped, feed) == rows(daily, feed)
    assert rows(dumped, feed, last=DAY_ZERO) == rows(daily, feed, last=DAY_ZERO), "other days"


@pytest.mark.parametrize("feed", SNAPSHOTS)
def test_a_list_in_a_dump_holds_every_entry_once_and_says_since_when_it_stands(dumped: Path, daily: Path, feed: str):
    key, when = {"network.cells": ("cell_id", "valid_on"), "billing_bravo.plans": ("tariff_id", "valid_at")}[feed]
    dump, list_of_the_day = rows(dumped, feed, last=DAY_ZERO), rows(daily, feed, first=DAY_ZERO, last=DAY_ZERO)
    assert [row[key] for row in dump] == [row[key] for row in list_of_the_day]
    assert {str(row[when])[:10] for row in dump} == {"2025-11-01"}
    assert {str(row[when])[:10] for row in list_of_the_day} == {"2025-12-30"}
    for row in [*dump, *list_of_the_day]:
        del row[when]
    assert dump == list_of_the_day


def test_only_the_dump_is_marked_day_zero(dumped: Path, daily: Path):
    def marked(home: Path) -> set[str]:
        return {path.parent.name for path in home.rglob("*.ctl") if json.loads(path.read_text()).get("day_zero")}

    assert marked(dumped) == {DAY_ZERO}
    assert marked(daily) == set()


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(dumped: Path, tmp_path: Path):
    simulated(tmp_path / "again", **SIZE)
    simulated(tmp_path / "other", **{**SIZE, "seed": 6})
    assert files(tmp_path / "again") == files(dumped)
    feed = "billing_alpha.accounts"
    assert rows(tmp_path / "other", feed) != rows(dumped, feed)


@pytest.mark.parametrize("day", ["2025-11-01", "2025-12-17", "2026-01-03"])
def test_one_day_alone_has_the_bytes_of_that_day_in_a_long_run(daily: Path, tmp_path: Path, day: str):
    made = simulated(tmp_path, **SIZE, day_zero=False, only=date.fromisoformat(day))
    alone = files(tmp_path, "landing")
    assert len(alone) >= len(FEEDS)
    assert all(f"/dt={day}/" in name for name in alone)
    assert alone == {name: content for name, content in files(daily, "landing").items() if f"/dt={day}/" in name}
    assert made.truth is None


def test_a_night_alone_has_the_bytes_of_the_night_after_a_dump(dumped: Path, tmp_path: Path):
    simulated(tmp_path, **SIZE, only=date(2026, 1, 1))
    alone = files(tmp_path, "landing")
    assert alone == {name: content for name, content in files(dumped, "landing").items() if "/dt=2026-01-01/" in name}


def test_a_longer_run_begins_with_the_same_days(daily: Path, tmp_path: Path):
    simulated(tmp_path, **{**SIZE, "days": 15, "nights": 0}, day_zero=False)
    last = f"dt={date(2025, 11, 1) + timedelta(18)}"
    for feed in FEEDS:
        assert rows(tmp_path, feed.id, last=last) == rows(daily, feed.id, last=last), feed.id


def test_the_first_daily_drop_tells_of_everyone_there_before(daily: Path):
    first = [*rows(daily, "billing_alpha.subscriptions", last="dt=2025-11-01"),
             *rows(daily, "billing_bravo.subscribers", last="dt=2025-11-01")]
    started = [row.get("started_on") or row["activated_on"] for row in first]
    assert sum(day < "2025-11-01" for day in started) == SIZE["subscribers"]


def test_the_estate_says_what_was_simulated(dumped: Path):
    ours, made = load(PROJECT / "estate.toml"), load(dumped / "estate.toml")
    assert made.history_start == ours.history_start
    assert made.history_end == ours.history_start + timedelta(60 + 1 + 4)
    same = ("cost_rates", "operators", "feeds", "exchange_rates", "retention")
    assert [getattr(made, name) for name in same] == [getattr(ours, name) for name in same]
    assert "scenario=steady" in (dumped / "estate.toml").read_text().splitlines()[0]


def test_a_home_with_another_estate_is_refused_unless_forced(tmp_path: Path):
    small = {"subscribers": 20, "days": 3, "nights": 0}
    simulated(tmp_path, **small)
    simulated(tmp_path, **small)  # the same again is no quarrel
    with at(tmp_path):
        with pytest.raises(UsageError, match="another estate"):
            simulate(**small, seed=99)
        simulate(**small, seed=99, force=True)


@pytest.mark.parametrize("wrong", [{"subscribers": 0}, {"days": 0}, {"nights": -1}, {"seed": -1}])
def test_sizes_that_make_no_house_are_refused(wrong: dict[str, int]):
    with pytest.raises(UsageError, match=str(next(iter(wrong.values())))):
        simulate(**wrong)


def test_a_day_outside_the_run_is_refused_and_names_the_run(tmp_path: Path):
    with at(tmp_path), pytest.raises(UsageError, match=r"2025-11-01 to 2025-11-09"):
        simulate(subscribers=10, days=4, nights=1, only=date(2025, 12, 1))


def test_an_error_while_writing_reaches_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setitem(MAKERS, "network.cells", full)
    with at(tmp_path), pytest.raises(OSError, match="no space left"):
        simulate(subscribers=20, days=2, nights=0, day_zero=False)
