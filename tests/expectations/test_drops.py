"""Volume, freshness both ways and completeness of whole drops: each bound from both sides, drop by drop."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from door_frames import drops

from expectations import thresholds as bound
from expectations.drops import drop
from pipelines import quality
from pipelines.landing.contract import BY_ID, FEEDS, Feed
from pipelines.quality.facts import drop_facts

EVERY = [pytest.param(feed, id=feed.id) for feed in FEEDS]
INVOICES = "billing_alpha.invoices"
pytestmark = pytest.mark.usefixtures("home")


def check(feed_id: str, **said: Any) -> quality.Findings:
    findings = quality.check_drop(BY_ID[feed_id], drops(feed_id, **said))
    assert not findings.crashed, findings.crashed
    return findings


@pytest.mark.parametrize("feed", EVERY)
def test_an_ordinary_drop_passes_and_its_suite_counts_rows_first(feed: Feed) -> None:
    findings = check(feed.id)
    assert findings.clean
    assert not findings.warnings
    suite = drop(drop_facts(feed))
    assert type(suite[0]).__name__ == "ExpectTableRowCountToBeBetween"
    assert len({check.meta["reason"] for check in suite}) == len(suite)


@pytest.mark.parametrize("feed", EVERY)
def test_every_feed_is_held_to_its_history_and_its_day(feed: Feed) -> None:
    findings = check(feed.id, ratio=0.01, newest_days_before_drop=bound.STALE_DAYS + 1)
    assert any("volume_confirmed" in reason for reason in findings.rejected)
    assert any("neither the day of the drop" in warning for warning in findings.warnings) or any(
        "an old file under a new day" in reason for reason in findings.rejected)


@pytest.mark.parametrize(("ratio", "state"), [
    (0.09, "rejected"), (0.1, "warned"), (0.49, "warned"), (0.5, "fine"), (2.0, "fine"), (2.1, "warned"),
    (10.0, "warned"), (10.1, "rejected"), (float("nan"), "fine"),
])
def test_rows_against_the_feeds_history_pass_warn_or_stop_the_file(ratio: float, state: str) -> None:
    findings = check("network.usage_daily", ratio=ratio)
    assert bool(findings.rejected) == (state == "rejected")
    assert bool(findings.warnings) == (state != "fine")


@pytest.mark.parametrize("feed", bound.MONTHLY)
def test_bills_are_few_on_the_last_days_of_a_month_and_never_none(feed: str) -> None:
    assert not check(feed, ratio=0.097).rejected
    assert check(feed, ratio=0.097).warnings
    assert check(feed, ratio=0.019).rejected


def test_the_rejection_says_what_was_found_and_what_the_sender_may_do() -> None:
    (reason,) = check(INVOICES, ratio=12.5).rejected
    assert '"volume_confirmed": true in the control file' in reason
    assert reason.endswith("(found 12.5)")


def test_a_confirmed_volume_is_taken_and_still_flagged() -> None:
    findings = check(INVOICES, ratio=12.5, is_confirmed=True)
    assert not findings.rejected
    assert findings.warnings


def test_a_day_zero_dump_is_no_tenfold_day_and_its_old_events_are_announced() -> None:
    findings = check(INVOICES, ratio=400.0, is_day_zero=True, oldest_days_before_drop=900)
    assert not findings.rejected
    assert not any("older than" in warning for warning in findings.warnings)
    # Nothing may have changed for months in a small dump of states.
    assert not check("billing_alpha.accounts", is_day_zero=True, newest_days_before_drop=60).rejected


def test_a_drop_without_rows_is_rejected() -> None:
    assert any("never sent empty" in reason for reason in check(INVOICES, rows=0).rejected)


@pytest.mark.parametrize(("feed_id", "days", "rejected", "warned"), [
    ("network.usage_daily", 0, False, False), ("network.usage_daily", 1, False, False),
    ("network.usage_daily", 2, True, False), ("pm.nokia", 2, True, False),
    (INVOICES, 1, False, False), (INVOICES, 2, False, True), (INVOICES, 7, False, True), (INVOICES, 8, True, True),
    ("billing_alpha.subscriptions", 8, True, True), ("billing_bravo.plans", 8, True, True),
    ("governance.erasure_requests", 300, False, True), ("network.number_events", 20, False, True),
])
def test_a_stale_drop_is_refused_and_a_rare_late_row_is_not(
    feed_id: str, days: int, rejected: bool, warned: bool
) -> None:
    findings = check(feed_id, newest_days_before_drop=days, oldest_days_before_drop=0)
    assert bool(findings.rejected) == rejected
    assert bool(findings.warnings) == warned


def test_a_newest_row_after_the_day_of_the_drop_never_passes_as_fresh() -> None:
    assert check(INVOICES, newest_days_before_drop=-40).rejected


def test_an_old_event_is_flagged_outside_a_day_zero_dump_and_an_old_row_of_a_list_too() -> None:
    assert check(INVOICES, oldest_days_before_drop=401).warnings
    assert check("network.cells", oldest_days_before_drop=2).warnings
    # A full export of changes every day is allowed: each row keeps the time of its change.
    assert not check("billing_alpha.subscriptions", oldest_days_before_drop=2000).warnings


def test_a_column_empty_in_most_rows_is_flagged_with_what_is_lost() -> None:
    (warning,) = check("network.usage_daily", **{"filled.cell_1_id": 0.4}).warnings
    assert "cell_1_id is empty in more than 50% of the rows: lines without" in warning
    assert warning.endswith("(found 0.4)")


@pytest.mark.parametrize("vendor", ["ericsson", "nokia", "huawei", "samsung"])
def test_every_vendors_watched_counters_and_periods_are_counted(vendor: str) -> None:
    feed = BY_ID[f"pm.{vendor}"]
    assert len(quality.watched(feed)) == len(bound.FILLED_COUNTERS)
    for column in quality.watched(feed):
        assert any(column in warning for warning in check(feed.id, **{f"filled.{column}": 0.1}).warnings)
    whole = float(drops(feed.id)["cells"].iloc[0])
    few = check(feed.id, cells=whole / 0.8)
    assert few.warnings
    assert not few.rejected
    assert any("another granularity" in reason for reason in check(feed.id, cells=whole * 4).rejected)
    assert check(feed.id, cells=whole * 4, is_day_zero=True).clean


def test_several_drops_are_judged_together_and_each_gets_its_own_findings() -> None:
    frame = pd.concat([drops(INVOICES), drops(INVOICES, ratio=0.01), drops(INVOICES, ratio=3.0)], ignore_index=True)
    fine, rejected, warned = quality.check_drops(BY_ID[INVOICES], frame)
    assert fine.clean
    assert not fine.warnings
    assert rejected.rejected
    assert warned.clean
    assert warned.warnings
    alone = [quality.check_drop(BY_ID[INVOICES], frame.iloc[[number]]) for number in range(3)]
    assert [found.rejected for found in alone] == [found.rejected for found in (fine, rejected, warned)]
    assert [found.warnings for found in alone] == [found.warnings for found in (fine, rejected, warned)]


def test_a_figure_the_door_did_not_give_is_a_crash_and_not_a_pass() -> None:
    findings = quality.check_drop(
        BY_ID["network.usage_daily"], drops("network.usage_daily").drop(columns="filled.cell_1_id"))
    assert findings.crashed
    assert not findings.clean
