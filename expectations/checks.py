"""The words suites are written in: what a suite is told of its feed, and checks that say severity and reason.

Severities: `reject` (the whole file stops), `quarantine` (the rows wait), `warn` (published and flagged). The reason is
what a person reads, so it says what is wrong and what follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import great_expectations.expectations as gxe

from expectations import thresholds as bound

Suite = list[Any]

REJECT, QUARANTINE, WARN = "reject", "quarantine", "warn"
SEVERITIES = (REJECT, QUARANTINE, WARN)


@dataclass(frozen=True)
class Facts:
    """What a suite is told of its feed.

    `values` are the closed value sets by column. `units_per_house` is what one unit of the house currency is worth in
    the operator's. Of counter feeds: `counters` gives the column of a measurement, `factors` what turns its values
    into the measurement's unit, `granularity_minutes` the length of a period.
    """

    key: tuple[str, ...]
    values: Mapping[str, Sequence[str]]
    has_money: bool = False
    has_operator: bool = False
    units_per_house: float = 1.0
    counters: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    granularity_minutes: int = 0


def meta(severity: str, reason: str) -> dict[str, str]:
    """The meta of a check; Great Expectations' own documentation shows `notes`."""
    return {"severity": severity, "reason": reason, "notes": reason}


def between(
    column: str, low: float | None, high: float | None, reason: str, *, severity: str = QUARANTINE, where: Any = None
) -> Any:
    """Bounds included; a row without a value passes."""
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=low, max_value=high, row_condition=where, meta=meta(severity, reason)
    )


def at_least(later: str, earlier: str, reason: str, *, strictly: bool = False) -> Any:
    """One column against another; a row without one of the two passes."""
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=later, column_B=earlier, or_equal=not strictly, ignore_row_if="either_value_is_missing",
        meta=meta(QUARANTINE, reason),
    )


def present(column: str, where: Any, reason: str, *, severity: str = QUARANTINE) -> Any:
    """A column that may be empty, in the rows in which it may not."""
    return gxe.ExpectColumnValuesToNotBeNull(column=column, row_condition=where, meta=meta(severity, reason))


def coded(column: str, where: Any, reason: str, *, severity: str = QUARANTINE) -> Any:
    """The same of a column that stands as codes, -1 where it is empty: identifiers and free codes."""
    return between(column, 0, None, reason, severity=severity, where=where)


def amount(column: str, facts: Facts, reason: str, *, low: float, high: float, minor: bool) -> Any:
    """An amount within bounds in units of the house currency."""
    scale = facts.units_per_house * (bound.MINOR_UNITS if minor else 1)
    return between(column, low * scale, high * scale, reason)


def row_count(reason: str) -> Any:
    """First in every suite: every other check passes on an empty table."""
    return gxe.ExpectTableRowCountToBeBetween(min_value=1, max_value=bound.MAX_ROWS, meta=meta(REJECT, reason))


def common(facts: Facts) -> Suite:
    """Rows there are, keys once, nothing from the future, values and operators and currencies known."""
    suite = [
        row_count(f"rows must be 1..{bound.MAX_ROWS}; a day without rows is declared, never sent empty"),
        between("_key_copies", 1, 1, f"key ({', '.join(facts.key)}) occurs more than once in the drop"),
        between("_days_after_drop", None, 0, "the event lies after the day of the drop: clocks are off"),
    ]
    suite += [
        gxe.ExpectColumnValuesToBeInSet(
            column=column, value_set=list(values),
            meta=meta(QUARANTINE, f"{column} is none of {', '.join(values)}"),
        )
        for column, values in facts.values.items()
    ]
    if facts.has_operator:
        suite.append(between("_operator_known", 1, 1,
                             "operator is none of the estate's: add it to [operators] or correct the row"))
    if facts.has_money:
        suite.append(between(
            "_currency_known", 1, 1,
            "currency has no exchange rate in the estate on that day: add it to [[exchange_rates]]"))
    return suite
