"""Every feed has a suite; clean rows pass it; every planted violation is found, and only in the rows that hold it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from door_frames import chunk, vendor

from expectations.checks import SEVERITIES
from expectations.raw import SUITES
from pipelines import quality
from pipelines.landing.contract import BY_ID, FEEDS, Feed
from pipelines.landing.feeds.counters import VENDORS
from pipelines.quality.facts import raw_facts

EVERY = [pytest.param(feed, id=feed.id) for feed in FEEDS]
BAD = 7  # the row that is spoilt
pytestmark = pytest.mark.usefixtures("home")


def suite(feed: Feed) -> list[Any]:
    return SUITES[feed.id](raw_facts(feed))


def check(feed_id: str, frame: pd.DataFrame) -> quality.Findings:
    return quality.check_raw(BY_ID[feed_id], frame, "EUR")


def spoil(frame: pd.DataFrame, spoilt: dict[str, Any], row: int = BAD) -> pd.DataFrame:
    """The frame with other values in one row; a value outside its list becomes a category, as at the door."""
    frame = frame.copy()
    for name, value in spoilt.items():
        if isinstance(frame[name].dtype, pd.CategoricalDtype) and value not in (None, *frame[name].cat.categories):
            frame[name] = frame[name].cat.add_categories([value])
        if isinstance(value, float) and frame[name].dtype.kind == "i":
            frame[name] = frame[name].astype(float)
        frame.loc[row, name] = pd.Timestamp(value) if frame[name].dtype.kind == "M" and value is not None else value
    return frame


def test_every_feed_of_the_contract_has_a_suite_and_no_suite_is_left_over() -> None:
    assert set(SUITES) == {feed.id for feed in FEEDS}
    assert len(FEEDS) >= 21


@pytest.mark.parametrize("feed", EVERY)
def test_a_suite_begins_with_the_row_count_for_all_else_passes_on_an_empty_table(feed: Feed) -> None:
    first = suite(feed)[0]
    assert type(first).__name__ == "ExpectTableRowCountToBeBetween"
    assert first.min_value == 1
    assert first.meta["severity"] == "reject"


@pytest.mark.parametrize("feed", EVERY)
def test_every_check_says_its_severity_and_its_reason_and_no_two_say_the_same(feed: Feed) -> None:
    reasons = [check.meta["reason"] for check in suite(feed)]
    assert len(set(reasons)) == len(reasons)
    for check in suite(feed):
        assert check.meta["severity"] in SEVERITIES, check
        assert len(check.meta["reason"]) > 15, check
        assert check.meta["notes"] == check.meta["reason"]


@pytest.mark.parametrize("feed", EVERY)
def test_keys_closed_value_sets_and_the_future_are_checked_in_every_suite(feed: Feed) -> None:
    checks = suite(feed)
    columns = {getattr(check, "column", None) for check in checks}
    assert {"_key_copies", "_days_after_drop"} <= columns
    in_sets = {check.column for check in checks if "InSet" in type(check).__name__}
    assert {column.name for column in feed.columns if column.values} <= in_sets
    assert ("_operator_known" in columns) == (feed.operator_column is not None)
    assert ("_currency_known" in columns) == any(column.money for column in feed.columns)


@pytest.mark.parametrize("feed", EVERY)
def test_clean_rows_pass_without_a_warning(feed: Feed) -> None:
    findings = check(feed.id, chunk(feed.id))
    assert findings.clean, (findings.rejected, findings.rows, findings.crashed)
    assert not findings.warnings
    assert len(findings.outcomes) == len(suite(feed))
    assert {outcome.state for outcome in findings.outcomes} == {"passed"}


@pytest.mark.parametrize("feed", EVERY)
def test_an_empty_chunk_is_rejected_by_its_row_count(feed: Feed) -> None:
    findings = check(feed.id, chunk(feed.id).iloc[:0])
    assert not findings.crashed
    (sentence,) = findings.rejected
    assert sentence.startswith("rows must be 1..")
    assert sentence.endswith("(found 0)")


# What every suite has, on every feed: family, spoilt values, part of the reason.
def common(feed: Feed) -> list[tuple[dict[str, Any], str]]:
    spoilt: list[tuple[dict[str, Any], str]] = [
        ({"_key_copies": 2}, "occurs more than once in the drop"),
        ({"_days_after_drop": 1}, "after the day of the drop"),
    ]
    spoilt += [({column.name: "no such value"}, f"{column.name} is none of")
               for column in feed.columns if column.values]
    if feed.operator_column is not None:
        spoilt.append(({"_operator_known": 0}, "operator is none of the estate's"))
    if any(column.money for column in feed.columns):
        spoilt.append(({"_currency_known": 0}, "add it to [[exchange_rates]]"))
    return spoilt


@pytest.mark.parametrize("feed", EVERY)
def test_keys_time_values_operators_and_currencies_are_held_in_every_feed(feed: Feed) -> None:
    planted = common(feed)
    frame = chunk(feed.id)
    for row, (spoilt, _) in enumerate(planted):
        frame = spoil(frame, spoilt, row)
    found = {reason: positions.tolist() for reason, positions in check(feed.id, frame).rows}
    for row, (spoilt, reason) in enumerate(planted):
        assert [row] in [where for why, where in found.items() if reason in why], (spoilt, found)


SPOILT: list[tuple[str, dict[str, Any], str]] = [
    ("billing_alpha.subscriptions", {"price_cents": -1}, "price_cents is negative"),
    ("billing_alpha.subscriptions", {"price_cents": 10_000_001}, "beyond any tariff"),
    ("billing_alpha.subscriptions", {"status": "ended", "end_reason": "port_out"}, "ended_on is empty"),
    ("billing_alpha.subscriptions", {"ended_on": "2001-01-01"}, "ended_on lies before started_on"),
    ("billing_alpha.subscriptions", {"contract_end_on": "2001-01-01"}, "contract_end_on lies before started_on"),
    ("billing_alpha.products", {"ended_on": "2001-01-01"}, "before started_on"),
    ("billing_alpha.invoices", {"amount_cents": -(10**12)}, "wrong unit"),
    ("billing_alpha.invoices", {"period_end_on": "2026-02-08"}, "period_end_on is not after"),
    ("billing_alpha.invoices", {"due_on": "2026-03-09"}, "due_on lies before issued_on"),
    ("billing_alpha.payments", {"amount_cents": -5}, "amount_cents is negative"),
    ("billing_bravo.subscribers", {"fee": -0.01}, "fee is negative"),
    ("billing_bravo.subscribers", {"household": 0}, "household is not"),
    ("billing_bravo.subscribers", {"term_months": 730}, "term_months is not"),
    ("billing_bravo.subscribers", {"terminated_on": "2001-01-01"}, "terminated_on lies before"),
    ("billing_bravo.subscribers", {"commit_until": "2001-01-01"}, "commit_until lies before"),
    ("billing_bravo.subscribers", {"state": "T", "term_code": "MNP"}, "terminated_on is empty"),
    ("billing_bravo.plans", {"monthly_fee": 100_000.01}, "beyond any tariff"),
    ("billing_bravo.bills", {"total": 1e8}, "wrong unit"),
    ("billing_bravo.bills", {"to_on": "2026-02-08"}, "to_on is not after"),
    ("billing_bravo.payments", {"total": -0.01}, "total is negative"),
    ("network.usage_daily", {"data_kb": -1}, "data_kb is negative"),
    ("network.usage_daily", {"roaming_kb": -1}, "roaming_kb is negative"),
    ("network.usage_daily", {"voice_seconds": 86_401}, "more than 24 hours"),
    ("network.usage_daily", {"sms_count": 10**6}, "sms_count"),
    ("network.usage_daily", {"calls": 10**6}, "calls is negative or more"),
    ("network.usage_daily", {"calls_dropped": -1}, "calls_dropped is negative"),
    ("network.usage_daily", {"calls_dropped": 6}, "more calls dropped than attempted"),
    ("network.usage_daily", {"cell_2_share": 30.0}, "a percentage is not a share"),
    ("network.usage_daily", {"cell_3_share": 0.9}, "more than the whole"),
    ("network.number_events", {"event": "sim_swap", "imsi": -1}, "imsi is empty"),
    ("care.interactions", {"wait_seconds": 10**6}, "wait_seconds"),
    ("governance.campaigns", {"arm": "control"}, "a control group is held out"),
]


@pytest.mark.mlts("D1")
def test_every_violation_of_a_feeds_own_rules_is_found_in_its_row_and_nowhere_else() -> None:
    for feed_id, spoilt, why in SPOILT:
        findings = check(feed_id, spoil(chunk(feed_id), spoilt))
        assert not findings.crashed, (feed_id, findings.crashed)
        assert not findings.rejected
        assert {reason: where.tolist() for reason, where in findings.rows if why in reason}, (feed_id, spoilt, why)
        assert all(where.tolist() == [BAD] for _, where in findings.rows), (feed_id, spoilt, findings.rows)


FLAGGED: list[tuple[str, dict[str, Any], str]] = [
    ("billing_alpha.subscriptions", {"status": "ended", "ended_on": "2026-03-09"}, "without an end_reason"),
    ("billing_alpha.subscriptions", {"contract_type": "24m", "contract_end_on": None}, "contract_end_on is empty"),
    ("billing_bravo.subscribers", {"state": "T", "terminated_on": "2026-03-09"}, "without a term_code"),
    ("billing_bravo.subscribers", {"commit_until": None}, "commit_until is empty"),
    ("network.number_events", {"event": "port_out", "other_network": -1}, "a port without other_network"),
    ("governance.campaigns", {"offer": -1}, "without an offer"),
]


def test_a_warning_flags_its_rows_and_keeps_none_of_them_out() -> None:
    for feed_id, spoilt, why in FLAGGED:
        findings = check(feed_id, spoil(chunk(feed_id), spoilt))
        assert findings.clean, (feed_id, spoilt, findings)
        ((reason, where),) = findings.warned
        assert why in reason
        assert where.tolist() == [BAD]
        assert findings.warnings == (f"{reason} (1 rows)",)


def test_what_a_feed_requires_only_in_some_rows_may_be_empty_in_the_others() -> None:
    for feed_id, spoilt in [
        ("billing_alpha.subscriptions", {"contract_type": "monthly", "contract_end_on": None}),
        ("billing_bravo.subscribers", {"term_months": 0, "commit_until": None}),
        ("network.number_events", {"event": "activation", "imsi": -1, "other_network": -1}),
        ("governance.campaigns", {"arm": "control", "offer": -1}),
    ]:
        findings = check(feed_id, spoil(chunk(feed_id), spoilt))
        assert findings.clean, (feed_id, findings)
        assert not findings.warnings, (feed_id, findings.warnings)


# Of counters, by measurement and in the measurement's unit per second: what is planted and part of the reason.
COUNTED: list[tuple[str, float, str]] = [
    ("rrc_attempts", 2_000.0, "more than 1000 a second"),
    ("rrc_successes", 1.5, "more connections set up than attempted"),
    ("bearer_attempts", 2_000.0, "more than 1000 a second"),
    ("bearer_successes", 1.5, "more bearers set up than attempted"),
    ("bearer_releases", -1.0, "is negative"),
    ("bearer_abnormal_releases", 1.5, "more abnormal releases"),
    ("dl_volume_kbit", 2e7, "more than 10 Gbit/s"),
    ("dl_volume_kbit", 9.5e6, "a mean rate above"),
    ("dl_active_ms", 2e6, "more than 1000 users"),
    ("dl_delay_ms_sum", 60_000.0 * 1000, "microseconds sent as milliseconds"),
    ("dl_delay_packets", 2e7, "more packets"),
    ("unavailable_s", 1.2, "longer than its period"),
    ("prb_used", 103_000.0, "more resource blocks used than available"),
    ("prb_available", 2e7, "more blocks than five carriers"),
]


@pytest.mark.parametrize("name", [vendor.name for vendor in VENDORS])
def test_bounds_of_measurements_hold_in_every_vendors_own_names_and_units(name: str) -> None:
    feed = BY_ID[f"pm.{name}"]
    made = vendor(feed)
    counters = {counter.measurement: counter for counter in made.counters}
    assert {measurement for measurement, _, _ in COUNTED} == set(counters)
    frame = chunk(feed.id).astype({counter.name: float for counter in made.counters})
    for row, (measurement, per_second, _) in enumerate(COUNTED):
        counter = counters[measurement]
        frame.loc[row, counter.name] = per_second * 60 * made.granularity_minutes / counter.factor
    findings = check(feed.id, frame)
    assert not findings.crashed
    for row, (measurement, _, why) in enumerate(COUNTED):
        reasons = [reason for reason, where in findings.rows if row in where]
        assert any(why in reason for reason in reasons), (name, measurement, reasons)
    touched = {int(row) for _, where in findings.rows for row in where}
    assert touched == set(range(len(COUNTED)))


@pytest.mark.parametrize("name", [vendor.name for vendor in VENDORS])
def test_a_period_off_the_grid_and_a_row_without_a_counter_wait(name: str) -> None:
    feed = BY_ID[f"pm.{name}"]
    made = vendor(feed)
    frame = chunk(feed.id).astype({counter.name: float for counter in made.counters})
    frame.loc[1, made.start] = frame.loc[1, made.start] + pd.Timedelta(minutes=7)
    frame.loc[2, [counter.name for counter in made.counters]] = np.nan
    found = {reason[:22]: where.tolist() for reason, where in check(feed.id, frame).rows}
    assert found == {"the period does not be": [1], "no counter was measure": [2]}


def test_used_blocks_a_sampling_jitter_above_the_available_ones_pass() -> None:
    feed = BY_ID["pm.huawei"]
    frame = chunk(feed.id)
    frame["L.ChMeas.PRB.DL.Used"] = frame["L.ChMeas.PRB.DL.Avail"] * 1.015
    assert check(feed.id, frame).clean


def test_a_price_bound_is_in_the_houses_money_so_a_small_unit_is_no_wrong_unit(home: Path) -> None:
    frame = spoil(chunk("billing_bravo.subscribers"), {"fee": 400_000.0})
    assert not check("billing_bravo.subscribers", frame).clean
    (home / "estate.toml").parent.mkdir(parents=True, exist_ok=True)
    (home / "estate.toml").write_text("""
name = "h"
history_start = 2026-01-01
operators = {}
feeds = {}
cost_rates = {}
[[exchange_rates]]
currency = "VND"
valid_from = 2020-01-01
rate = 0.000037
""")
    from pipelines.settings import settings

    settings.cache_clear()
    assert quality.check_raw(BY_ID["billing_bravo.subscribers"], frame, "VND").clean


def test_the_threshold_is_one_in_a_hundred() -> None:
    from expectations.thresholds import MAX_BAD_SHARE

    assert MAX_BAD_SHARE == 0.01
