"""Every feed has a suite, every check a severity and a reason, and every suite counts its rows first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from expectations.raw import SUITES, Facts
from pipelines import landing
from pipelines.landing.contract import FEEDS, Feed

SUITE_OF = [pytest.param(feed, id=feed.id) for feed in FEEDS]
ROWS = 200


def suite(feed: Feed) -> list[Any]:
    values = {column.name: column.values for column in feed.columns if column.values}
    return SUITES[feed.id](Facts(feed.key, values, "EUR"))


def test_every_feed_of_the_contract_has_a_suite_and_no_suite_is_left_over() -> None:
    assert set(SUITES) == {feed.id for feed in FEEDS}


@pytest.mark.parametrize("feed", SUITE_OF)
def test_a_suite_begins_with_the_row_count_for_all_else_passes_on_an_empty_table(feed: Feed) -> None:
    first = suite(feed)[0]
    assert type(first).__name__ == "ExpectTableRowCountToBeBetween"
    assert first.min_value == 1
    assert first.meta["severity"] == "reject"


@pytest.mark.parametrize("feed", SUITE_OF)
def test_every_check_says_its_severity_and_its_reason(feed: Feed) -> None:
    for check in suite(feed):
        assert check.meta["severity"] in ("reject", "quarantine"), check
        assert len(check.meta["reason"]) > 15, check


@pytest.mark.parametrize("feed", SUITE_OF)
def test_keys_closed_value_sets_and_the_future_are_checked_in_every_suite(feed: Feed) -> None:
    checks = suite(feed)
    assert any(getattr(check, "column_list", None) == ["_drop", *feed.key] for check in checks)
    assert any(getattr(check, "column", None) == "_days_after_drop" for check in checks)
    in_sets = {check.column for check in checks if "InSet" in type(check).__name__}
    assert {column.name for column in feed.columns if column.values} <= in_sets


SPOILT: list[tuple[str, dict[str, Any], str]] = [
    ("billing_alpha.accounts", {"segment": "vip"}, "segment is none of"),
    ("billing_alpha.subscriptions", {"price_cents": -1}, "price_cents is negative"),
    ("billing_alpha.subscriptions", {"status": "ended"}, "ended_on is empty"),
    ("billing_alpha.subscriptions", {"status": "ended", "ended_on": "2001-01-01"}, "before started_on"),
    ("billing_alpha.products", {"product_code": "fax"}, "product_code is none of"),
    ("billing_alpha.products", {"ended_on": "2001-01-01"}, "before started_on"),
    ("billing_alpha.invoices", {"amount_cents": 10**12}, "wrong unit"),
    ("billing_alpha.invoices", {"period_start_on": "2026-03-10"}, "period_end_on is not after"),
    ("billing_alpha.payments", {"amount_cents": -5}, "amount_cents is negative"),
    ("billing_alpha.payments", {"status": "maybe"}, "status is none of"),
    ("network.usage_daily", {"roaming_kb": -1}, "roaming_kb is negative"),
    ("network.usage_daily", {"sms_count": 10**6}, "sms_count"),
    ("care.interactions", {"wait_seconds": 10**6}, "wait_seconds"),
    ("care.interactions", {"topic": "weather"}, "topic is none of"),
]


def test_every_planted_violation_is_found_and_only_those_rows_wait(home: Path, drops: ModuleType) -> None:
    for number, (feed_id, spoilt, _) in enumerate(SPOILT):
        dt = drops.DT - timedelta(days=number)
        what = drops.rows(feed_id, ROWS, drops.DT - timedelta(days=number))
        spoilt = {name: dt if value == "2026-03-10" else value for name, value in spoilt.items()}
        drops.drop(feed_id, [{**what[0], **spoilt}, *what[1:]], dt)
    drops.estate(*{feed_id for feed_id, _, _ in SPOILT}, mandatory=False)
    landing.land_range(drops.DT - timedelta(days=len(SPOILT)), drops.DT)
    for number, (feed_id, _, why) in enumerate(SPOILT):
        (kept,) = drops.quarantined(feed_id, drops.DT - timedelta(days=number))
        assert any(why in reason for reason in kept["reasons"]), (feed_id, why, kept["reasons"])
        assert drops.raw(feed_id, drops.DT - timedelta(days=number)).num_rows == ROWS - 1


def test_the_threshold_is_one_in_a_hundred() -> None:
    from expectations.thresholds import MAX_BAD_SHARE

    assert MAX_BAD_SHARE == 0.01
