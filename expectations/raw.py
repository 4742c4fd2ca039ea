"""One suite per landing feed: what a drop must be before a row of it enters the house.

A suite is a list: the row count first (every other check passes on an empty table), then keys, ranges, value sets,
and the bound on time. The meta of a check says its `severity` (`reject`: the whole file stops; `quarantine`: the rows
wait) and its `reason`, which is what a person reads. The batch is the drop as typed columns, one row per line, with
`_drop` (which drop of the batch) and `_days_after_drop` (local day of the event minus the drop's day, in days).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

from expectations import thresholds as bound

Suite = list[Any]


@dataclass(frozen=True)
class Facts:
    """What a suite is told of its feed: the key, the closed value sets, and the operator's currency."""

    key: tuple[str, ...]
    values: Mapping[str, Sequence[str]]
    currency: str


def _meta(severity: str, reason: str) -> dict[str, str]:
    return {"severity": severity, "reason": reason}


def _common(facts: Facts) -> Suite:
    """Rows there are, keys once, values known, nothing from the future."""
    return [
        gxe.ExpectTableRowCountToBeBetween(
            min_value=1, max_value=bound.MAX_ROWS,
            meta=_meta("reject", f"rows must be 1..{bound.MAX_ROWS}; a day without rows is declared, never sent empty"),
        ),
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["_drop", *facts.key],
            meta=_meta("quarantine", f"key ({', '.join(facts.key)}) occurs more than once in the drop"),
        ),
        _between("_days_after_drop", None, 0, "the event lies after the day of the drop: clocks are off"),
        *(
            gxe.ExpectColumnValuesToBeInSet(
                column=column, value_set=list(values),
                meta=_meta("quarantine", f"{column} is none of {', '.join(values)}"),
            )
            for column, values in facts.values.items()
        ),
    ]


def _between(column: str, low: int | None, high: int | None, reason: str) -> Any:
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=low, max_value=high, meta=_meta("quarantine", reason)
    )


def _at_least(later: str, earlier: str, reason: str, *, strictly: bool = False) -> Any:
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=later, column_B=earlier, or_equal=not strictly, ignore_row_if="either_value_is_missing",
        meta=_meta("quarantine", reason),
    )


def accounts(facts: Facts) -> Suite:
    """One row per account and change."""
    return _common(facts)


def subscriptions(facts: Facts) -> Suite:
    """One row per subscription and change; an end has its day."""
    return [
        *_common(facts),
        _between("price_cents", 0, bound.MAX_PRICE_CENTS, "price_cents is negative or beyond any tariff"),
        _at_least("ended_on", "started_on", "ended_on lies before started_on"),
        gxe.ExpectColumnValuesToNotBeNull(
            column="ended_on", row_condition=Column("status") == "ended",
            meta=_meta("quarantine", "status is ended and ended_on is empty: the day of a churn is its label"),
        ),
    ]


def products(facts: Facts) -> Suite:
    """One row per subscription, product and change."""
    return [*_common(facts), _at_least("ended_on", "started_on", "ended_on lies before started_on")]


def invoices(facts: Facts) -> Suite:
    """One row per invoice, in the operator's currency."""
    return [
        *_common(facts),
        _between("amount_cents", -bound.MAX_AMOUNT_CENTS, bound.MAX_AMOUNT_CENTS,
                 "amount_cents is beyond any invoice: wrong unit"),
        _at_least("period_end_on", "period_start_on", "period_end_on is not after period_start_on", strictly=True),
        gxe.ExpectColumnValuesToBeInSet(
            column="currency", value_set=[facts.currency],
            meta=_meta("quarantine", f"currency is not {facts.currency}, the operator's; nothing here converts it"),
        ),
    ]


def payments(facts: Facts) -> Suite:
    """One row per payment attempt."""
    return [
        *_common(facts),
        _between("amount_cents", 0, bound.MAX_AMOUNT_CENTS,
                 "amount_cents is negative (a refund is a credit note) or beyond any payment"),
    ]


def usage_daily(facts: Facts) -> Suite:
    """One row per number and local day."""
    return [
        *_common(facts),
        _between("data_kb", 0, bound.MAX_DATA_KB, "data_kb is negative or more than a line carries in a day"),
        _between("roaming_kb", 0, bound.MAX_DATA_KB, "roaming_kb is negative or more than a line carries in a day"),
        _between("voice_seconds", 0, bound.DAY_SECONDS, "voice_seconds is negative or more than 24 hours a day"),
        _between("sms_count", 0, bound.MAX_SMS, "sms_count is negative or more than one a second"),
        _between("calls", 0, bound.MAX_CALLS, "calls is negative or more than one a second"),
        _between("calls_dropped", 0, bound.MAX_CALLS, "calls_dropped is negative or more than one a second"),
        _at_least("calls", "calls_dropped", "more calls dropped than attempted"),
    ]


def interactions(facts: Facts) -> Suite:
    """One row per contact with customer care."""
    return [
        *_common(facts),
        _between("wait_seconds", 0, bound.DAY_SECONDS, "wait_seconds is negative or longer than a day"),
    ]


SUITES: dict[str, Callable[[Facts], Suite]] = {
    "billing_alpha.accounts": accounts,
    "billing_alpha.subscriptions": subscriptions,
    "billing_alpha.products": products,
    "billing_alpha.invoices": invoices,
    "billing_alpha.payments": payments,
    "network.usage_daily": usage_daily,
    "care.interactions": interactions,
}
