"""What raw/ holds of one subscriber: as known at as_of, through the door, without an identifier or a text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import landing
from pipelines.explain.facts import Section, facts, terms
from pipelines.publish import Dataset
from pipelines.settings import settings

FEEDS = ("billing_alpha.accounts", "billing_alpha.subscriptions", "billing_alpha.invoices", "billing_alpha.payments",
         "billing_bravo.subscribers", "billing_bravo.bills", "billing_bravo.payments", "network.usage_daily",
         "network.number_events", "care.interactions", "care.complaints")
DT = date(2026, 3, 10)
AS_OF, LATER = DT + timedelta(days=1), DT + timedelta(days=8)


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory, drops: ModuleType) -> Iterator[Path]:
    """One landed day, a roster published for the night after it, and then other invoices and use for that day.

    The number of S0000001 was taken over by S0000002 that morning.
    """
    patch = pytest.MonkeyPatch()
    patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("facts") / "home"))
    settings.cache_clear()
    drops.estate(*FEEDS)
    for feed_id in FEEDS:
        drops.drop(feed_id, _rows(drops, feed_id))
    landing.land(AS_OF)
    _publish_roster()
    said = {"produced_at": "2026-03-15T23:00:00Z"}
    drops.drop("billing_alpha.invoices", [{**row, "amount_cents": 4999} for row in _rows(drops, FEEDS[2])], **said)
    drops.drop("network.usage_daily", [{**row, "data_kb": 10 * 1024} for row in _rows(drops, FEEDS[7])], **said)
    landing.land(AS_OF)
    yield settings().home
    patch.undo()
    settings.cache_clear()


def _rows(drops: ModuleType, feed_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = drops.rows(feed_id, 3)
    if feed_id == "billing_alpha.subscriptions":
        rows[2] |= {"msisdn": rows[1]["msisdn"], "started_on": DT, "changed_at": datetime(2026, 3, 10, 10)}
    return rows


def _publish_roster() -> None:
    def write(path: Path) -> int:
        path.write_bytes(b"roster")
        return 1

    Dataset(settings().features / "roster", ("as_of",)).publish({"as_of": AS_OF.isoformat()}, write)


def golden(landed: Path, drops: ModuleType, number: int = 0, feed_id: str = "billing_alpha.subscriptions") -> str:
    """The id of the subscription that was delivered as this number."""
    tokens = [row["subscription_token"] for row in drops.raw(feed_id).to_pylist()]
    return f"sub_{tokens[number]}"


def told(subscriber: str, as_of: date = AS_OF) -> dict[str, Section]:
    return {section.name: section for section in facts(subscriber, as_of)}


def only(section: Section) -> dict[str, Any]:
    (row,) = section.rows
    return dict(row)


def test_every_kind_of_fact_is_told_with_the_day_it_was_known(landed: Path, drops: ModuleType) -> None:
    found = told(golden(landed, drops))
    assert only(found["terms"]) == {
        "changed_on": DT, "status": "active", "plan_code": "M", "contract_type": "monthly", "price_house": 29.99,
        "contract_end_on": None, "ended_on": None, "end_reason": None,
    }
    assert only(found["account"])["payment_method"] == "bank_transfer"
    assert only(found["payments"]) == {
        "paid_at": datetime(2026, 3, 10, 9, 30), "is_paid": True, "amount_house": 29.99, "known_on": AS_OF,
    }
    assert only(found["contacts"])["topic"] == "billing"
    assert (only(found["complaints"])["topic"], only(found["complaints"])["status"]) == ("network", "open")
    assert only(found["number_events"])["event_kind"] == "sim_swap"
    assert only(found["numbers"])["held_to_on"] is None


def test_a_correction_known_later_does_not_show_before(landed: Path, drops: ModuleType) -> None:
    subscriber = golden(landed, drops)
    before, after = told(subscriber), told(subscriber, LATER)
    assert (only(before["invoices"])["amount_house"], only(before["invoices"])["known_on"]) == (29.99, AS_OF)
    assert (only(after["invoices"])["amount_house"], only(after["invoices"])["known_on"]) == (49.99, date(2026, 3, 16))
    assert (only(before["usage"])["data_mb"], only(after["usage"])["data_mb"]) == (1.0, 10.0)


def test_nothing_is_known_before_it_landed(landed: Path, drops: ModuleType) -> None:
    subscriber = golden(landed, drops)
    assert all(not section.rows for section in facts(subscriber, DT))
    assert terms(subscriber, DT) is None
    newest = terms(subscriber, AS_OF)
    assert newest is not None
    assert newest["changed_on"] == DT


def test_use_goes_to_whoever_held_the_number_that_day(landed: Path, drops: ModuleType) -> None:
    before, after = told(golden(landed, drops, 1)), told(golden(landed, drops, 2))
    assert only(before["numbers"])["held_to_on"] == DT == only(after["numbers"])["held_from_on"]
    assert (len(before["usage"].rows), len(after["usage"].rows)) == (0, 1)
    assert (len(before["contacts"].rows), len(after["contacts"].rows)) == (0, 1)


def test_the_other_operator_is_told_in_the_same_words_and_currency(landed: Path, drops: ModuleType) -> None:
    found = told(golden(landed, drops, feed_id="billing_bravo.subscribers"))
    assert only(found["terms"])["contract_type"] == "12m"
    assert only(found["invoices"])["amount_house"] == only(found["payments"])["amount_house"] == 31.2375


def test_no_identifier_no_token_and_no_text_is_told(landed: Path, drops: ModuleType) -> None:
    """Nothing delivered as identifier, text, cell, invoice number or age band, and no token."""
    subscriber = golden(landed, drops)
    delivered = {str(row[name]).lstrip("+") for feed_id in FEEDS for row in _rows(drops, feed_id) for name in row
                 if name in {"account_id", "subscription_id", "msisdn", "imsi", "customer_name", "full_name", "text",
                             "invoice_id", "cell_1_id", "sub_ref", "age_band"} and row[name]}
    tokens = {row[name] for feed_id in FEEDS for row in drops.raw(feed_id).to_pylist() for name in row
              if name.endswith(("_token", "_text")) and row[name]}
    assert min(len(delivered), len(tokens)) > 15
    words = str([section.rows for section in facts(subscriber, AS_OF)])
    assert "bank_transfer" in words
    assert [value for value in delivered | tokens if value in words] == []


def test_a_home_without_raw_has_no_facts(home: Path) -> None:
    assert all(not section.rows for section in facts("sub_00042", AS_OF))
