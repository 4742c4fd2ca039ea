"""Which labels go with which as_ofs, and which drops a build reads."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines import landing, warehouse
from pipelines.errors import MissingHistory, UsageError
from pipelines.estate import estate
from pipelines.models import SPECS, labels
from pipelines.warehouse.plan import Plan
from pipelines.warehouse.size import as_ofs_per_build, gigabytes

DAY = timedelta(days=1)
CHURN, LTV = SPECS["churn"].label_mart, SPECS["ltv"].label_mart


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    assert estate().training_start == date(2026, 1, 30)


def test_a_night_builds_the_labels_that_mature_that_day() -> None:
    plan = Plan.of([date(2026, 8, 1)])
    assert plan.labels[CHURN] == (date(2026, 6, 25),)
    assert plan.labels[LTV] == (date(2026, 3, 27),)


def test_no_label_comes_before_the_first_training_cutoff() -> None:
    assert Plan.of([date(2026, 3, 7)]).labels[CHURN] == ()
    assert Plan.of([date(2026, 3, 8)]).labels[CHURN] == (date(2026, 1, 30),)


def test_a_bulk_build_has_the_labels_matured_by_its_newest_as_of() -> None:
    first = date(2026, 2, 1)
    assert first in Plan.of([first, first + 37 * DAY]).labels[CHURN]
    assert first not in Plan.of([first, first + 36 * DAY]).labels[CHURN]


def test_every_day_in_bulk_has_the_labels_of_every_night() -> None:
    nights = [date(2026, 1, 30) + n * DAY for n in range(60)]
    alone = {label for night in nights for label in Plan.of([night]).labels[CHURN]}
    assert set(Plan.of(nights).labels[CHURN]) == alone


def test_nights_that_share_a_build_have_the_labels_each_would_have_alone() -> None:
    nights = [date(2026, 8, 1) + n * DAY for n in range(10)]
    alone = [Plan.of([night]) for night in nights]
    assert Plan.of(nights).labels[CHURN] == tuple(label for plan in alone for label in plan.labels[CHURN])
    assert Plan.of(nights).labels[LTV] == tuple(label for plan in alone for label in plan.labels[LTV])


def test_a_bootstrap_has_labels_of_its_cutoffs_and_of_its_last_night_only() -> None:
    cutoffs = [date(2026, 1, 30) + n * 7 * DAY for n in range(20)]
    last = cutoffs[-1] + 3 * DAY
    labels = Plan.of([*cutoffs, last], nights=[last]).labels[CHURN]
    assert [day for day in labels if day not in cutoffs] == [last - 37 * DAY]


def test_order_and_repeats_of_the_as_ofs_do_not_matter() -> None:
    days = [date(2026, 5, 1), date(2026, 3, 1)]
    assert Plan.of(days) == Plan.of([*reversed(days), days[0]])


def test_windows_reach_back_as_far_as_features_and_labels_look() -> None:
    as_of = date(2026, 3, 1)
    assert Plan.of([as_of]).windows() == [(as_of - 90 * DAY, as_of)]
    night = date(2026, 8, 1)
    assert Plan.of([night]).windows() == [(night - 127 * DAY, night)]


def test_no_as_of_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no as_of given"):
        warehouse.unify([])


def test_a_hole_in_history_is_named_with_its_feed_and_days(monkeypatch: pytest.MonkeyPatch) -> None:
    holes = {"care.interactions": [date(2026, 2, 3), date(2026, 2, 4)], "network.usage_daily": []}
    monkeypatch.setattr(landing, "missing", lambda as_of, window_days=90: holes)
    with pytest.raises(MissingHistory, match=r"care\.interactions: no drop of 2026-02-03, 2026-02-04") as held:
        warehouse.check_history(date(2026, 3, 1))
    assert held.value.exit_code == 3
    assert "network" not in str(held.value)


def test_a_home_where_nothing_landed_has_no_history() -> None:
    with pytest.raises(MissingHistory, match=r"billing_alpha\.accounts: no drop of 2025-12-01"):
        warehouse.check_history(date(2026, 3, 1))


@pytest.mark.parametrize("most", [1, 2, 5, 50])
def test_a_divided_plan_is_the_same_work_and_no_part_knows_more_than_its_newest_as_of(most: int) -> None:
    cutoffs = [date(2026, 1, 30) + n * 7 * DAY for n in range(30)]
    plan = Plan.of(cutoffs, nights=[cutoffs[-1]])
    parts = list(plan.parts(most))
    assert len(parts) == -(-len(cutoffs) // most)
    assert tuple(day for part in parts for day in part.as_ofs) == plan.as_ofs
    assert set(plan.labels) == set(labels())
    for label, days in plan.labels.items():
        assert tuple(day for part in parts for day in part.labels[label]) == days != ()
        assert all(day + label.known_after <= part.as_ofs[-1] for part in parts for day in part.labels[label])
    assert all(len(part.as_ofs) <= most for part in parts)


@pytest.mark.parametrize(("limit", "size"), [("4GB", 4.0), ("512MB", 0.512), ("7.5 gib", 7.5), ("1TB", 1000.0)])
def test_a_memory_limit_is_read_as_duckdb_writes_it(limit: str, size: float) -> None:
    assert gigabytes(limit) == pytest.approx(size)


def test_a_limit_that_is_no_size_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="TELCO_MEMORY_LIMIT 'much'"):
        gigabytes("much")


def test_as_many_as_ofs_share_a_build_as_their_subscribers_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for count, expected in ((0, 2_000_000), (40_000, 50), (300_000, 6), (3_000_000, 1)):
        monkeypatch.setattr("pipelines.warehouse.size.subscribers", lambda count=count: count)
        assert as_ofs_per_build() == expected
