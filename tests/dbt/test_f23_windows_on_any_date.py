"""F23: month ends, leap days and bill cycles that move: windows are days before as_of, on every date alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
from asked import Asked
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

DAY = timedelta(days=1)
D, S, I, B = pa.date32(), pa.string(), pa.int64(), pa.bool_()  # noqa: E741
MONEY, TS = pa.decimal128(18, 4), pa.timestamp("us")
LEAP = date(2024, 2, 29)
# The days a calendar goes wrong on: either side of month ends, years and the leap day.
AWKWARD = [date(2024, 2, 28), LEAP, date(2024, 3, 1), date(2023, 3, 1), date(2024, 3, 30), date(2024, 3, 31),
           date(2024, 4, 30), date(2024, 5, 1), date(2024, 12, 31), date(2025, 1, 1), date(2100, 3, 1)]
as_ofs = st.one_of(st.sampled_from(AWKWARD), st.dates(date(2020, 1, 1), date(2032, 12, 31)))
ages = st.lists(st.integers(-2, 400), min_size=1, max_size=12, unique=True)
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def as_of_table(as_of: date) -> tuple[list[dict[str, Any]], dict[str, pa.DataType]]:
    return [{"as_of": as_of, "has_features": True}], {"as_of": D, "has_features": B}


def eligible(as_of: date) -> tuple[list[dict[str, Any]], dict[str, pa.DataType]]:
    row = {"subscriber_id": "s", "operator": "alpha", "as_of": as_of, "subscription_token": "s", "account_token": "a",
           "tenure_days": 900, "is_active": True, "has_features": True}
    return [row], {"subscriber_id": S, "operator": S, "as_of": D, "subscription_token": S, "account_token": S,
                   "tenure_days": I, "is_active": B, "has_features": B}


NO_LABEL: tuple[list[dict[str, Any]], dict[str, pa.DataType]] = (
    [], {"label": S, "as_of": D, "stop_on": D, "known_by": D})
DELIVERS = ([{"operator": "alpha", "has_number_events": True, "has_invoices": True, "has_payments": True}],
            {"operator": S, "has_number_events": B, "has_invoices": B, "has_payments": B})


def network(as_of: date, days: Sequence[date]) -> dict[str, Any]:
    """The network features of one line with a distinct power of two of kB on each day."""
    usage = {"msisdn_token": S, "usage_on": D, "data_kb": I, "voice_seconds": I, "sms_count": I, "calls_attempted": I,
             "calls_dropped": I, "roaming_kb": I, "is_use": B, "known_on": D, "superseded_on": D,
             **{f"cell_{rank}_id": S for rank in (1, 2, 3)},
             **{f"cell_{rank}_share": pa.float64() for rank in (1, 2, 3)}}
    rows = [{"msisdn_token": "n", "usage_on": day, "data_kb": 1024 * 2**k, "voice_seconds": 0, "sms_count": 2**k,
             "calls_attempted": 0, "calls_dropped": 0, "roaming_kb": 0, "is_use": True,
             "known_on": min(day + DAY, as_of)} for k, day in enumerate(days)]
    kpis = {"as_of": D, "cell_id": S, "measured_on": D, **dict.fromkeys((
        "retainability_ratio", "dl_throughput_mbps", "dl_latency_ms", "availability_ratio"), pa.float64())}
    made = Asked({
        "int_as_of": as_of_table(as_of), "int_label_cutoff": NO_LABEL, "int_subscriber_eligibility": eligible(as_of),
        "stg_estate__deliveries": DELIVERS, "stg_network__usage_daily": (rows, usage),
        "int_number_holding": (
            [{"known_by": as_of, "msisdn_token": "n", "subscriber_id": "s", "held_from_on": date(2000, 1, 1)}],
            {"known_by": D, "msisdn_token": S, "subscriber_id": S, "held_from_on": D, "held_to_on": D}),
        "int_cell_kpis": ([], kpis),
        "int_subscriber_number_event": (
            [], {"as_of": D, "subscriber_id": S, "last_sim_swap_on": D, "is_ported_in": B}),
    }).build("int_subscriber_usage", "ftr_subscriber_network")
    return made.rows("select * from ftr_subscriber_network")[0]


@few
@given(as_ofs, ages)
@example(date(2024, 3, 1), [0, 1, 2, 7, 8, 30, 31, 90, 91])
@example(date(2024, 3, 30), [1, 30, 31, 90, 91])
def test_f23_usage_windows_count_days_and_never_months(as_of: date, old: list[int]) -> None:
    days = [as_of - age * DAY for age in old]
    found = network(as_of, days)

    def within(width: int) -> int:
        return sum(2**k for k, day in enumerate(days) if as_of - timedelta(days=width) <= day < as_of)

    seen = within(90) > 0
    assert found["has_network"] is seen
    for name, width in (("data_mb_7d", 7), ("data_mb_30d", 30), ("data_mb_90d", 90), ("sms_count_30d", 30)):
        assert found[name] == (within(width) if seen else None), (name, as_of, old)
    used = [age for age in old if 1 <= age <= 90]
    assert found["days_since_last_use"] == (min(used) if used else None)
    assert found["active_days_7d"] == (sum(1 <= age <= 7 for age in old) if seen else None)
    assert found["active_days_30d"] == (sum(1 <= age <= 30 for age in old) if seen else None)


def billing(as_of: date, bills: Sequence[tuple[date, date, Decimal]]) -> dict[str, Any]:
    """The billing features of one subscription with bills (issued on, period start, amount), cost-free products."""
    change = {"known_by": as_of, "subscriber_id": "s", "account_token": "a", "change_number": 1,
              "contract_type": "monthly", "plan_code": "p", "price_house": Decimal(20), "status": "active",
              "contract_end_on": as_of + 40 * DAY, "ended_on": None}
    products = {"known_by": D, "subscriber_id": S, "product_count": I, "internet_technology": S, "has_voice": B,
                "has_multiple_lines": B, "has_mobile_data": B, "has_online_security": B, "has_online_backup": B,
                "has_device_protection": B, "has_tech_support": B, "has_streaming_tv": B, "has_streaming_movies": B,
                "cost_house_30d": MONEY}
    invoices = [{"operator": "alpha", "invoice_id": f"i{k}", "subscription_token": "s", "issued_on": issued,
                 "period_start_on": start, "period_end_on": issued, "due_on": issued + 14 * DAY, "amount_house": amount,
                 "known_on": min(issued + DAY, as_of)} for k, (issued, start, amount) in enumerate(bills)]
    made = Asked({
        "int_as_of": as_of_table(as_of), "int_label_cutoff": NO_LABEL, "int_subscriber_eligibility": eligible(as_of),
        "stg_estate__deliveries": DELIVERS,
        "int_subscription_change": ([change], {
            "known_by": D, "subscriber_id": S, "account_token": S, "changed_at": TS, "next_changed_at": TS,
            "change_number": I, "contract_type": S, "plan_code": S, "price_house": MONEY, "status": S,
            "contract_end_on": D, "ended_on": D}),
        "int_account_state": ([], {"known_by": D, "account_token": S, "segment": S, "payment_method": S,
                                   "is_paperless": B, "has_partner": B, "has_dependents": B}),
        "int_product_summary": ([{"known_by": as_of, "subscriber_id": "s", "cost_house_30d": Decimal(0)}], products),
        "int_invoice": (invoices, {
            "operator": S, "invoice_id": S, "subscription_token": S, "issued_on": D, "period_start_on": D,
            "period_end_on": D, "due_on": D, "amount_house": MONEY, "known_on": D, "superseded_on": D}),
        "int_payment": ([], {"operator": S, "invoice_id": S, "paid_at": TS, "is_paid": B, "amount_house": MONEY,
                             "known_on": D, "superseded_on": D}),
    }).build("ftr_subscriber_billing")
    return made.rows("select * from ftr_subscriber_billing")[0]


def cycle(as_of: date, day_of_month: int, moved_to: int, moved_at: int) -> list[tuple[date, date, Decimal]]:
    """Monthly bills up to as_of on one day of the month, from the bill `moved_at` before the newest on another."""
    months = [(as_of.year * 12 + as_of.month - 1) - back for back in range(14)]
    issued = []
    for back, month in enumerate(months):
        chosen = moved_to if back < moved_at else day_of_month
        last = (date((month + 1) // 12, (month + 1) % 12 + 1, 1) - DAY).day
        issued.append(date(month // 12, month % 12 + 1, min(chosen, last)))
    return [(day, before, Decimal(2**k)) for k, (day, before) in enumerate(pairwise(issued))]


@few
@given(as_ofs, st.integers(1, 31), st.integers(1, 31), st.integers(0, 6))
@example(LEAP, 31, 31, 0)
@example(date(2024, 3, 1), 29, 1, 1)
def test_f23_bills_count_by_their_day_whatever_the_bill_cycle(
    as_of: date, day_of_month: int, moved_to: int, moved_at: int
) -> None:
    bills = cycle(as_of, day_of_month, moved_to, moved_at)
    found = billing(as_of, bills)

    def within(width: int) -> list[tuple[date, date, Decimal]]:
        return [bill for bill in bills if as_of - timedelta(days=width) <= bill[0] < as_of]

    for name, width in (("billed_eur_30d", 30), ("billed_eur_90d", 90), ("billed_eur_365d", 365)):
        assert found[name] == float(sum(amount for _, _, amount in within(width))), (name, as_of)
    quarter = within(90)
    assert found["invoice_count_90d"] == len(quarter)
    # The margin of a month is what the bills say per day they cover: a short month or a moved cycle does not tilt it.
    if quarter:
        covered = max((max(day for day, _, _ in quarter) - min(start for _, start, _ in quarter)).days, 1)
        expected = 30 * sum(amount for _, _, amount in quarter) / covered
        assert abs(found["margin_eur_30d"] - float(expected)) < 1e-6
    newest = max((day for day, _, _ in bills if day < as_of), default=None)
    assert found["days_since_last_invoice"] == (newest and (as_of - newest).days)
    assert found["days_to_contract_end"] == 40
