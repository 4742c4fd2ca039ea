"""One suite per landing feed: what a chunk of a drop must be before a row of it enters the house.

A suite is a list: the row count first (every other check passes on an empty table), then keys, time, value sets and
ranges. The batch is a chunk as typed columns, one row per line; text is codes (-1 where empty) except in columns of a
closed value set. Beside the feed's own it has

    _drop              which drop of the batch
    _days_after_drop   local day of the event minus the drop's day, in days
    _key_copies        how often the row's key occurs in its whole drop
    _operator_known    1 where the row's operator is one of the estate's; feeds with an operator column
    _currency_known    1 where the row's currency has a rate on that day; feeds with money
    _cell_share_sum    usage_daily: sum of the shares of the cells

and for counters what expectations/counters.py names. Emptiness of columns that must not be empty, and the written form
of values, are the door's: such a row never reaches a suite.
"""

from __future__ import annotations

from collections.abc import Callable

from great_expectations.expectations.row_conditions import Column

from expectations import thresholds as bound
from expectations.checks import WARN, Facts, Suite, amount, at_least, between, coded, common, present
from expectations.counters import counters

__all__ = ["SUITES", "Facts", "Suite"]


def accounts(facts: Facts) -> Suite:
    """One row per account and change."""
    return common(facts)


def subscriptions(facts: Facts) -> Suite:
    """One row per subscription and change; an end has its day."""
    ended = Column("status") == "ended"
    return [
        *common(facts),
        amount("price_cents", facts, "price_cents is negative or beyond any tariff: wrong unit",
               low=0, high=bound.MAX_PRICE, minor=True),
        at_least("ended_on", "started_on", "ended_on lies before started_on"),
        at_least("contract_end_on", "started_on", "contract_end_on lies before started_on"),
        present("ended_on", ended, "status is ended and ended_on is empty: the day of a churn is its label"),
        present("end_reason", ended, "status is ended without an end_reason: the kind of a churn cannot be told",
                severity=WARN),
        present("contract_end_on", Column("contract_type").is_in(["12m", "24m"]),
                "contract_type binds and contract_end_on is empty: the end of the binding cannot be told",
                severity=WARN),
    ]


def products(facts: Facts) -> Suite:
    """One row per subscription, product and change."""
    return [*common(facts), at_least("ended_on", "started_on", "ended_on lies before started_on")]


def invoices(facts: Facts) -> Suite:
    """One row per invoice; a credit note is negative."""
    return [
        *common(facts),
        amount("amount_cents", facts, "amount_cents is beyond any invoice: wrong unit",
               low=-bound.MAX_AMOUNT, high=bound.MAX_AMOUNT, minor=True),
        at_least("period_end_on", "period_start_on", "period_end_on is not after period_start_on", strictly=True),
        at_least("due_on", "issued_on", "due_on lies before issued_on: paid late by definition"),
    ]


def payments(facts: Facts) -> Suite:
    """One row per payment attempt."""
    return [
        *common(facts),
        amount("amount_cents", facts, "amount_cents is negative (a refund is a credit note) or beyond any payment",
               low=0, high=bound.MAX_AMOUNT, minor=True),
    ]


def subscribers(facts: Facts) -> Suite:
    """One row per line and change; an end has its day."""
    ended = Column("state") == "T"
    return [
        *common(facts),
        amount("fee", facts, "fee is negative or beyond any tariff: wrong unit",
               low=0, high=bound.MAX_PRICE, minor=False),
        between("household", 1, bound.MAX_HOUSEHOLD, f"household is not 1..{bound.MAX_HOUSEHOLD} persons"),
        between("term_months", 0, bound.MAX_TERM_MONTHS,
                f"term_months is not 0..{bound.MAX_TERM_MONTHS}: days, or a date in the wrong column"),
        at_least("terminated_on", "activated_on", "terminated_on lies before activated_on"),
        at_least("commit_until", "activated_on", "commit_until lies before activated_on"),
        present("terminated_on", ended, "state is T and terminated_on is empty: the day of a churn is its label"),
        present("term_code", ended, "state is T without a term_code: the kind of a churn cannot be told",
                severity=WARN),
        present("commit_until", Column("term_months") > 0,
                "term_months binds and commit_until is empty: the end of the binding cannot be told", severity=WARN),
    ]


def plans(facts: Facts) -> Suite:
    """One row per tariff."""
    return [
        *common(facts),
        amount("monthly_fee", facts, "monthly_fee is negative or beyond any tariff: wrong unit",
               low=0, high=bound.MAX_PRICE, minor=False),
    ]


def bills(facts: Facts) -> Suite:
    """One row per bill; a credit note is negative."""
    return [
        *common(facts),
        amount("total", facts, "total is beyond any bill: wrong unit",
               low=-bound.MAX_AMOUNT, high=bound.MAX_AMOUNT, minor=False),
        at_least("to_on", "from_on", "to_on is not after from_on", strictly=True),
    ]


def bravo_payments(facts: Facts) -> Suite:
    """One row per payment attempt."""
    return [
        *common(facts),
        amount("total", facts, "total is negative (a refund is a credit note) or beyond any payment",
               low=0, high=bound.MAX_AMOUNT, minor=False),
    ]


def usage_daily(facts: Facts) -> Suite:
    """One row per number and local day."""
    return [
        *common(facts),
        between("data_kb", 0, bound.MAX_DATA_KB, "data_kb is negative or more than a line carries in a day"),
        between("roaming_kb", 0, bound.MAX_DATA_KB, "roaming_kb is negative or more than a line carries in a day"),
        between("voice_seconds", 0, bound.DAY_SECONDS, "voice_seconds is negative or more than 24 hours a day"),
        between("sms_count", 0, bound.MAX_SMS, "sms_count is negative or more than one a second"),
        between("calls", 0, bound.MAX_CALLS, "calls is negative or more than one a second"),
        between("calls_dropped", 0, bound.MAX_CALLS, "calls_dropped is negative or more than one a second"),
        at_least("calls", "calls_dropped", "more calls dropped than attempted"),
        *(between(f"cell_{rank}_share", 0, 1, f"cell_{rank}_share is not 0 to 1: a percentage is not a share")
          for rank in (1, 2, 3)),
        between("_cell_share_sum", None, bound.MAX_SHARE_SUM, "the shares of the cells add up to more than the whole"),
    ]


def cells(facts: Facts) -> Suite:
    """One row per cell."""
    return common(facts)


def number_events(facts: Facts) -> Suite:
    """One row per event of a number."""
    return [
        *common(facts),
        coded("imsi", Column("event") == "sim_swap", "event is sim_swap and imsi is empty: the new SIM cannot be told"),
        coded("other_network", Column("event").is_in(["port_in", "port_out"]),
              "a port without other_network: where the customer came from or went to is lost", severity=WARN),
    ]


def interactions(facts: Facts) -> Suite:
    """One row per contact with customer care."""
    return [
        *common(facts),
        between("wait_seconds", 0, bound.DAY_SECONDS, "wait_seconds is negative or longer than a day"),
    ]


def complaints(facts: Facts) -> Suite:
    """One row per complaint and change."""
    return common(facts)


def consents(facts: Facts) -> Suite:
    """One row per operator, subscription, purpose and change."""
    return common(facts)


def erasure_requests(facts: Facts) -> Suite:
    """One row per request."""
    return common(facts)


def campaigns(facts: Facts) -> Suite:
    """One row per campaign and subscription."""
    return [
        *common(facts),
        between("offer", None, -1, "arm is control and an offer was made: a control group is held out",
                where=Column("arm") == "control"),
        coded("offer", Column("arm") == "contacted", "arm is contacted without an offer: what was tried is lost",
              severity=WARN),
    ]


SUITES: dict[str, Callable[[Facts], Suite]] = {
    "billing_alpha.accounts": accounts,
    "billing_alpha.subscriptions": subscriptions,
    "billing_alpha.products": products,
    "billing_alpha.invoices": invoices,
    "billing_alpha.payments": payments,
    "billing_bravo.subscribers": subscribers,
    "billing_bravo.plans": plans,
    "billing_bravo.bills": bills,
    "billing_bravo.payments": bravo_payments,
    "network.usage_daily": usage_daily,
    "network.cells": cells,
    "network.number_events": number_events,
    "pm.ericsson": counters,
    "pm.nokia": counters,
    "pm.huawei": counters,
    "pm.samsung": counters,
    "care.interactions": interactions,
    "care.complaints": complaints,
    "governance.consents": consents,
    "governance.erasure_requests": erasure_requests,
    "governance.campaigns": campaigns,
}
