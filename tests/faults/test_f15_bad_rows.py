"""F15, F16, F20, F21: bad rows wait with their reasons, too many stop the file. The suite's result decides."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from expectations import raw as suites
from pipelines import landing
from pipelines.errors import Held, RejectedFile

USAGE = "network.usage_daily"
ROWS = 400


def with_bad(drops: ModuleType, count: int, **spoilt: object) -> None:
    """Four hundred rows, the first `count` of them spoilt."""
    drops.estate(USAGE)
    rows = drops.rows(USAGE, ROWS)
    drops.drop(USAGE, [{**row, **spoilt} if number < count else row for number, row in enumerate(rows)])


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"data_kb": -1}, "data_kb is negative"),
        ({"voice_seconds": 86_401}, "more than 24 hours a day"),
        ({"calls": 1, "calls_dropped": 2}, "more calls dropped than attempted"),
    ],
)
def test_F15_one_percent_of_bad_rows_waits_in_quarantine_and_the_rest_is_published(
    home: Path, drops: ModuleType, spoilt: dict[str, object], why: str
) -> None:
    with_bad(drops, 4, **spoilt)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (ROWS - 4, 4)
    kept = drops.quarantined(USAGE)
    assert [row["line"] for row in kept] == [1, 2, 3, 4]
    assert all(why in row["reasons"][0] for row in kept)
    assert drops.raw(USAGE).num_rows == ROWS - 4
    column, value = next(iter(spoilt.items()))
    assert kept[0]["row"][column] == value


def test_F15_two_percent_of_bad_rows_reject_the_file_and_the_day_before_stands(home: Path, drops: ModuleType) -> None:
    with_bad(drops, 8, data_kb=-1)
    drops.drop(USAGE, dt=drops.DT - timedelta(days=1))
    landing.land(drops.DT)
    before = drops.raw_path(USAGE, drops.DT - timedelta(days=1)).read_bytes()
    with pytest.raises(RejectedFile, match=r"8 of 400 rows are bad, more than 1%: data_kb is negative"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()
    assert drops.raw_path(USAGE, drops.DT - timedelta(days=1)).read_bytes() == before
    assert "8 of 400 rows" in drops.reasons_of_rejection(USAGE)[0]


def test_F15_a_rejected_correction_leaves_what_was_published(home: Path, drops: ModuleType) -> None:
    with_bad(drops, 0)
    landing.land(drops.AS_OF)
    before = drops.raw_path(USAGE).read_bytes()
    with_bad(drops, 8, data_kb=-1)
    with pytest.raises(RejectedFile):
        landing.land(drops.AS_OF)
    assert drops.raw_path(USAGE).read_bytes() == before


def test_F15_in_bulk_each_drop_is_judged_on_its_own_rows(home: Path, drops: ModuleType) -> None:
    with_bad(drops, 8, data_kb=-1)
    good, some = drops.DT - timedelta(days=2), drops.DT - timedelta(days=1)
    drops.drop(USAGE, drops.rows(USAGE, ROWS, good), good)
    drops.drop(USAGE, [*drops.rows(USAGE, ROWS, some), {**drops.usage(ROWS, some), "data_kb": -1}], some)
    with pytest.raises(RejectedFile, match="dt=2026-03-10"):
        landing.land_range(good, drops.DT)
    assert drops.raw(USAGE, good).num_rows == drops.raw(USAGE, some).num_rows == ROWS
    assert [row["line"] for row in drops.quarantined(USAGE, some)] == [ROWS + 1]
    assert not drops.raw_path(USAGE).exists()


def test_F16_a_row_forty_days_ahead_waits_in_quarantine(home: Path, drops: ModuleType) -> None:
    with_bad(drops, 1, usage_on=drops.DT + timedelta(days=40))
    (landed,) = landing.land(drops.AS_OF)
    assert landed.quarantined == 1
    assert "after the day of the drop" in drops.quarantined(USAGE)[0]["reasons"][0]
    assert max(drops.raw(USAGE)["usage_on"].to_pylist()) == drops.DT


def test_F20_all_rows_of_a_key_sent_twice_wait_for_nobody_can_say_which_is_right(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(USAGE)
    rows = drops.rows(USAGE, ROWS)
    drops.drop(USAGE, [*rows, {**rows[0], "data_kb": 5, "msisdn": rows[0]["msisdn"].lstrip("+")}])
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (ROWS - 1, 2)


@pytest.mark.parametrize("currency", ["USD", ""])
def test_F21_a_currency_without_a_rate_and_an_empty_one_wait_in_quarantine(
    home: Path, drops: ModuleType, currency: str
) -> None:
    feed_id = "billing_alpha.invoices"
    drops.estate(feed_id)
    rows = drops.rows(feed_id, ROWS)
    rows[7]["currency"] = currency
    drops.drop(feed_id, rows)
    assert landing.land(drops.AS_OF)[0].quarantined == 1
    (kept,) = drops.quarantined(feed_id)
    assert any("currency" in reason for reason in kept["reasons"])


def test_F21_a_currency_with_a_dated_rate_is_converted_exactly_and_kept_as_it_came(
    home: Path, drops: ModuleType
) -> None:
    feed_id = "billing_alpha.invoices"
    drops.estate(feed_id)
    rows = drops.rows(feed_id, 3)
    rows[1] |= {"currency": "GBP", "amount_cents": 2999}
    drops.drop(feed_id, rows)
    landing.land(drops.AS_OF)
    table = drops.raw(feed_id)
    assert table["amount_cents"].to_pylist() == [2999, 2999, 2999]
    assert table["amount_house"].to_pylist() == [Decimal("29.9900"), Decimal("37.4875"), Decimal("29.9900")]


def test_F21_a_rate_counts_from_its_day_and_not_before(home: Path, drops: ModuleType) -> None:
    feed_id = "billing_alpha.invoices"
    drops.estate(feed_id)
    rows = drops.rows(feed_id, ROWS)
    # The first rate of this home's estate is of 2026-01-01.
    rows[0] |= {"currency": "GBP", "issued_on": date(2025, 12, 31)}
    rows[1] |= {"currency": "GBP", "issued_on": date(2026, 1, 1)}
    drops.drop(feed_id, rows)
    assert landing.land(drops.AS_OF)[0].quarantined == 1
    assert drops.quarantined(feed_id)[0]["line"] == 2


def test_F15_a_check_that_crashes_holds_the_drop_for_it_neither_passed_nor_failed(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import great_expectations.expectations as gxe

    def broken(facts: suites.Facts) -> suites.Suite:
        meta = {"severity": "quarantine", "reason": "a column nobody has"}
        return [*suites.usage_daily(facts), gxe.ExpectColumnValuesToBeBetween(column="nil", min_value=0, meta=meta)]

    monkeypatch.setitem(suites.SUITES, USAGE, broken)
    with_bad(drops, 0)
    with pytest.raises(Held, match=r"check crashed.*a column nobody has") as held:
        landing.land(drops.AS_OF)
    assert not isinstance(held.value, RejectedFile)
    assert not drops.raw_path(USAGE).exists()
    assert not drops.reasons_of_rejection(USAGE)
