"""The simulated operator: the same bytes for the same arguments, the same events however they are packed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import UsageError
from pipelines.estate import load
from pipelines.landing.contract import FEEDS, Feed, Form
from pipelines.settings import PROJECT, settings
from pipelines.simulate import simulate

SIZE = {"subscribers": 150, "days": 130, "nights": 1, "seed": 5}
DAY_ZERO = "dt=2026-03-10"


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from _home(tmp_path_factory.mktemp("dumped"), day_zero=True)


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from _home(tmp_path_factory.mktemp("daily"), day_zero=False)


def _home(place: Path, **how: object) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(place))
        settings.cache_clear()
        simulate(**{**SIZE, **how})
    settings.cache_clear()
    yield place


def content(home: Path, feed: Feed, first: str = "", last: str = "dt=9") -> list[str]:
    """Rows of a feed as text, in the order of its drops."""
    found: list[str] = []
    for folder in sorted((home / "landing" / feed.source / feed.name).glob("dt=*")):
        path = folder / feed.file_name
        if first <= folder.name <= last and path.exists():
            if feed.form is Form.PARQUET:
                found += [str(row) for row in pq.read_table(path).to_pylist()]
            else:
                found += path.read_text(encoding="utf-8").splitlines()[1 if feed.form is Form.CSV else 0:]
    return found


def files(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def test_the_dump_and_its_nights_hold_the_same_rows_as_one_drop_a_day(dumped: Path, daily: Path):
    for feed in FEEDS:
        rows = content(dumped, feed)
        assert rows, feed.id
        assert rows == content(daily, feed), f"{feed.id} differs"
        assert content(dumped, feed, last=DAY_ZERO) == content(daily, feed, last=DAY_ZERO), f"{feed.id}: other days"


def test_only_the_dump_is_marked_day_zero(dumped: Path, daily: Path):
    def marked(home: Path) -> set[str]:
        return {path.parent.name for path in home.rglob("*.ctl") if json.loads(path.read_text()).get("day_zero")}

    assert marked(dumped) == {DAY_ZERO}
    assert marked(daily) == set()


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(dumped: Path, tmp_path: Path):
    again = next(_home(tmp_path / "again", day_zero=True))
    other = next(_home(tmp_path / "other", seed=6, day_zero=True))
    assert files(again) == files(dumped)
    assert content(other, FEEDS[0]) != content(dumped, FEEDS[0])


def test_a_longer_run_begins_with_the_same_days(daily: Path, tmp_path: Path):
    shorter = next(_home(tmp_path, days=60, nights=0, day_zero=False))
    last = f"dt={date(2025, 11, 1) + timedelta(63)}"
    for feed in FEEDS:
        assert content(shorter, feed, last=last) == content(daily, feed, last=last), f"{feed.id} differs"


def test_the_first_daily_drop_tells_of_everyone_there_before(daily: Path):
    subscriptions = next(feed for feed in FEEDS if feed.name == "subscriptions")
    first = content(daily, subscriptions, last="dt=2025-11-01")
    assert len(first) >= SIZE["subscribers"]
    started = [row.split(";")[6] for row in first]
    assert sum(day < "2025-11-01" for day in started) == SIZE["subscribers"]


def test_the_estate_says_what_was_simulated(dumped: Path):
    ours, made = load(PROJECT / "estate.toml"), load(dumped / "estate.toml")
    assert made.history_start == ours.history_start
    assert made.history_end == ours.history_start + timedelta(130 + 1 + 4)
    assert (made.cost_rates, made.operators) == (ours.cost_rates, ours.operators)
    assert "seed=5" in (dumped / "estate.toml").read_text().splitlines()[0]


def test_a_home_with_another_operator_is_refused_unless_forced(tmp_path: Path):
    home = next(_home(tmp_path, subscribers=8, days=3, nights=0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(home))
        settings.cache_clear()
        simulate(**{**SIZE, "subscribers": 8, "days": 3, "nights": 0})  # the same again is no quarrel
        with pytest.raises(UsageError, match="another estate"):
            simulate(subscribers=8, days=3, nights=0, seed=99)
        simulate(subscribers=8, days=3, nights=0, seed=99, force=True)
    settings.cache_clear()


@pytest.mark.parametrize("wrong", [{"subscribers": 0}, {"days": 0}, {"nights": -1}, {"seed": -1}])
def test_sizes_that_make_no_operator_are_refused(wrong: dict[str, int]):
    with pytest.raises(UsageError, match=str(next(iter(wrong.values())))):
        simulate(**wrong)


def test_a_suspension_follows_failed_payments_and_non_payment_follows_a_suspension(dumped: Path):
    by_name = {feed.name: feed for feed in FEEDS}
    failed: dict[str, list[str]] = {}
    for row in content(dumped, by_name["payments"]):
        _, _, account, paid_at, _, status = row.split(";")
        if status == "failed":
            failed.setdefault(account, []).append(paid_at[:10])
    suspended: dict[str, str] = {}
    seen = {"suspended": 0, "non_payment": 0}
    for row in content(dumped, by_name["subscriptions"]):
        line, account, *_, status, _, reason, changed_at = row.split(";")
        if status == "suspended" and line not in suspended:
            suspended[line] = changed_at[:10]
            assert sum(day <= changed_at[:10] for day in failed[account]) >= 3
            seen["suspended"] += 1
        if reason == "non_payment":
            assert suspended[line] < changed_at[:10]
            seen["non_payment"] += 1
    assert seen["suspended"] > 0


def test_every_payment_pays_an_invoice_that_was_sent_before_it(dumped: Path):
    by_name = {feed.name: feed for feed in FEEDS}
    issued = {row.split(";")[0]: row.split(";")[3] for row in content(dumped, by_name["invoices"])}
    payments = [row.split(";") for row in content(dumped, by_name["payments"])]
    assert len(payments) > 100
    assert all(issued[payment[1]] <= payment[3][:10] for payment in payments)


def test_an_ended_line_uses_nothing_from_its_last_day_on(dumped: Path):
    by_name = {feed.name: feed for feed in FEEDS}
    ended = {
        row.split(";")[2].lstrip("+"): row.split(";")[9]
        for row in content(dumped, by_name["subscriptions"]) if row.split(";")[8] == "ended"
    }
    assert ended
    usage = pa.concat_tables(pq.read_table(path) for path in dumped.rglob("usage_daily.parquet")).to_pylist()
    assert len(usage) > len(content(dumped, by_name["invoices"]))
    assert not [row for row in usage if str(row["usage_on"]) >= ended.get(row["msisdn"], "9")]


def test_the_planted_personal_data_is_in_the_notes_and_in_the_list_of_canaries(dumped: Path):
    canaries = json.loads((dumped / "truth/canaries.json").read_text())
    notes = "\n".join(content(dumped, next(feed for feed in FEEDS if feed.name == "interactions")))
    for kind in ("email", "iban"):
        assert len(canaries[kind]) > 10
        assert all(value in notes for value in canaries[kind])
    assert all(number.startswith("999") for number in canaries["msisdn"])
