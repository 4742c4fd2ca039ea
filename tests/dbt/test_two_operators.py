"""Lines of the other billing system go through the warehouse like any subscription."""

from __future__ import annotations

from typing import Any

import pytest
from told import MARCH

from pipelines.landing.contract import PRODUCTS


def test_a_line_of_bravo_is_on_the_roster_in_the_words_of_the_house(built: Any) -> None:
    row = built.rows("features/roster", MARCH)["bravo_plain"]
    said = {name: row[name] for name in ("operator", "region", "segment", "age_band", "contract_type", "is_active")}
    assert said == {"operator": "bravo", "region": "Kent", "segment": "consumer", "age_band": "under_65",
                    "contract_type": "24m", "is_active": True}
    assert built.rows("features/roster", MARCH)["bravo_barred"]["is_active"]


def test_pounds_are_summed_as_euros(built: Any) -> None:
    row = built.rows("features/ftr_subscriber_billing", MARCH)["bravo_plain"]
    assert row["billed_eur_90d"] == 23.4
    assert (row["price_eur"], round(row["price_change_eur_90d"], 9)) == (33.345, 11.7)
    # 23.40 for 30 days, less 2.50 for the line, 1.20 for voice, 2.60 for data and 0.90 for security.
    assert row["margin_eur_30d"] == 16.2


def test_invoices_of_one_number_are_two_when_two_operators_wrote_them(built: Any) -> None:
    bravo = built.rows("features/ftr_subscriber_billing", MARCH)["bravo_plain"]
    alpha = built.rows("features/ftr_subscriber_billing", MARCH)["plain"]
    # Alpha's invoice of that number is paid, and bravo's rejected payment is none of its.
    assert (bravo["unpaid_eur_90d"], bravo["failed_payments_90d"], bravo["days_since_last_payment"]) == (23.4, 1, None)
    assert (alpha["unpaid_eur_90d"], alpha["failed_payments_90d"], alpha["days_since_last_payment"]) == (0, 0, 17)


def test_holdings_of_a_line_come_from_its_plan_and_its_add_ons(built: Any) -> None:
    row = built.rows("features/ftr_subscriber_billing", MARCH)["bravo_plain"]
    held = {name for name in PRODUCTS if row.get(f"has_{name}")}
    assert (held, row["product_count"]) == ({"voice", "mobile_data", "online_security"}, 3)


def test_a_line_of_bravo_can_churn(built: Any) -> None:
    labels = built.rows("labels/lbl_churn_30d", MARCH)
    assert labels["bravo_in_debt"]["churn_kind"] == "non_payment"
    assert labels["bravo_prepaid"]["churn_kind"] == "silence"
    assert not labels["bravo_plain"]["is_churned"]


def test_the_margin_of_a_line_is_in_the_currency_of_the_house(built: Any) -> None:
    # Nothing billed in the window: three months of the line, voice, data and security.
    assert built.rows("labels/lbl_ltv", MARCH)["bravo_plain"]["margin_eur_90d"] == pytest.approx(-3 * 7.2)


def test_a_number_that_moves_within_the_house_takes_no_use_along(built: Any) -> None:
    network = built.rows("features/ftr_subscriber_network", MARCH)
    assert network["moved_from_alpha"]["data_mb_90d"] == 50
    assert "moves_to_bravo" not in network


def test_care_serves_both_operators(built: Any) -> None:
    row = built.rows("features/ftr_subscriber_care", MARCH)["bravo_plain"]
    assert (row["has_care"], row["contacts_90d"]) == (True, 0)
