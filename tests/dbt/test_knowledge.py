"""What was not yet known does not count: late drops and corrections, seen from before and from after."""

from __future__ import annotations

from typing import Any

from told import APRIL, JULY, MARCH


def test_a_late_drop_counts_from_the_day_it_is_known(built: Any) -> None:
    before, after = (built.rows("features/ftr_subscriber_network", day)["late"] for day in (MARCH, APRIL))
    assert before["data_mb_30d"] == 1 + 7
    assert after["data_mb_90d"] == 1 + 100 + 70


def test_versions_are_counted_by_sender(built: Any) -> None:
    assert built.rows("features/ftr_subscriber_network", MARCH)["seen_by_two_networks"]["data_mb_90d"] == 1 + 300


def test_a_late_invoice_counts_from_the_day_it_is_known(built: Any) -> None:
    before, after = (built.rows("features/ftr_subscriber_billing", day)["late"] for day in (MARCH, APRIL))
    assert (before["billed_eur_90d"], after["billed_eur_90d"]) == (0, 99)


def test_a_late_contact_counts_from_the_day_it_is_known(built: Any) -> None:
    before, after = (built.rows("features/ftr_subscriber_care", day)["late"] for day in (MARCH, APRIL))
    assert (before["contacts_90d"], after["contacts_90d"]) == (0, 1)


def test_a_late_change_of_price_counts_from_the_day_it_is_known(built: Any) -> None:
    before, after = (built.rows("features/ftr_subscriber_billing", day)["dearer"] for day in (MARCH, APRIL))
    assert (before["price_eur"], before["price_change_eur_90d"]) == (25, 5)
    assert (after["price_eur"], after["price_change_eur_90d"]) == (26, 6)


def test_a_number_takes_no_use_from_its_former_owner(built: Any) -> None:
    network = built.rows("features/ftr_subscriber_network", MARCH)
    assert network["second_owner"]["data_mb_90d"] == 50
    assert "first_owner" not in network


def test_the_roster_says_why_someone_is_left_out(built: Any) -> None:
    roster = built.rows("features/roster", MARCH)
    left_out = {name: row["exclusion"] for name, row in roster.items() if not row["is_active"]}
    assert left_out == {"begins_today": "tenure_under_one_day", "gone_silent": "silent_45_days"}
    assert roster["suspended"]["is_active"]
    assert roster["quiet_landline"]["is_active"]


def test_no_usage_is_null_and_no_contact_is_zero(built: Any) -> None:
    network = built.rows("features/ftr_subscriber_network", MARCH)["quiet_landline"]
    care = built.rows("features/ftr_subscriber_care", MARCH)["quiet_landline"]
    assert (network["has_network"], network["data_mb_30d"], network["sms_count_30d"]) == (False, None, None)
    assert (care["has_care"], care["contacts_90d"], care["mean_wait_s_90d"]) == (True, 0, None)


def test_churn_is_what_was_known_37_days_after(built: Any) -> None:
    labels = built.rows("labels/lbl_churn_30d", MARCH)
    churned = {name: row["churn_kind"] for name, row in labels.items() if row["is_churned"]}
    assert churned == {
        "cancels": "cancellation", "ports_out": "port_out", "end_known_just_in_time": "cancellation",
        "silent_prepaid": "silence", "bravo_prepaid": "silence", "bravo_in_debt": "non_payment",
    }
    assert {str(row["matured_on"]) for row in labels.values()} == {"2026-04-07"}


def test_margin_is_billed_less_cost_over_90_days(built: Any) -> None:
    labels = built.rows("labels/lbl_ltv", MARCH)
    # 31.00 billed less three times 2.50 for the line and 2.60 for mobile data.
    assert labels["plain"]["margin_eur_90d"] == 15.7
    # Left on 2026-03-01, the only day of the window it cost anything.
    assert round(labels["cancels"]["margin_eur_90d"], 9) == round(-2.5 / 30, 9)


def test_consent_is_what_was_said_and_known_as_the_day_begins(built: Any) -> None:
    states = [built.rows("features/consent", day)["grants_and_withdraws"] for day in (MARCH, APRIL, JULY)]
    assert [state["has_analytics"] for state in states] == [False, False, False]
    assert [state["has_model_training"] for state in states] == [True, False, True]


def test_consent_is_of_everyone_ever_known_and_silence_is_none(built: Any) -> None:
    consent, roster = (built.rows(f"features/{name}", MARCH) for name in ("consent", "roster"))
    assert set(roster) < set(consent)
    assert "left_and_never_withdrew" not in roster
    assert consent["left_and_never_withdrew"]["has_model_training"]
    assert (consent["plain"]["has_analytics"], consent["plain"]["has_model_training"]) == (False, False)
    assert consent["bravo_plain"]["operator"] == "bravo"
