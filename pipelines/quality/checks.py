"""The suites of the door on its batches: chunks of rows, and whole drops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import TelcoError
from pipelines.quality import engine, facts
from pipelines.quality.findings import Findings, Outcome

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.landing.contract import Feed


def check_raw(feed: Feed, frame: pd.DataFrame, currency: str) -> Findings:
    """Findings of a feed's suite on a chunk: one row per line, with the columns expectations/raw.py names.

    `currency` is the operator's. Positions count from 0 in the frame's order.
    """
    from expectations.raw import SUITES

    shape = facts.shape_of(feed)
    if shape not in SUITES:
        raise TelcoError(f"{feed.id}: no suite {shape!r} in expectations/raw.py; every feed of the contract needs one")
    suite = SUITES[shape](facts.raw_facts(feed, facts.units_per_house(currency)))
    return engine.validate(feed.id, suite, facts.with_derived(feed, frame), measures(feed))


def check_drop(feed: Feed, frame: pd.DataFrame) -> Findings:
    """Findings on one whole drop: `check_drops` of a frame of one row."""
    if len(frame) != 1:
        raise TelcoError(f"{feed.id}: check_drop takes one drop, not {len(frame)}; use check_drops")
    return check_drops(feed, frame)[0]


def check_drops(feed: Feed, frame: pd.DataFrame) -> list[Findings]:
    """Findings on whole drops, one per row of the frame, in its order.

    Columns: rows, median_rows, ratio (NaN without a history), newest_days_before_drop and oldest_days_before_drop
    (of rows not after the drop's day), is_day_zero, is_confirmed; `filled.<column>` for each of `watched(feed)`:
    the share of rows in which it is not empty; for counters `cells`, the number of distinct cells.
    """
    from expectations import drops

    suite = drops.drop(facts.drop_facts(feed))
    shown = facts.with_drop_derived(feed, frame.assign(_drop=np.arange(len(frame))))
    numbers = [str(column) for column in shown.columns]
    ran = engine.run(f"{feed.id} drops", suite, shown, numbers)
    return [_of(number, ran, int(rows)) for number, rows in enumerate(frame["rows"])]


def watched(feed: Feed) -> tuple[str, ...]:
    """Columns that may be empty and whose share of filled rows the suite of the drop wants as `filled.<column>`."""
    return tuple(facts.drop_facts(feed).watched)


def measures(feed: Feed) -> frozenset[str]:
    """Columns that are measured numbers: of these a report may show how far off the wrong values were."""
    from pipelines.landing.contract import Type

    return frozenset(
        column.name for column in feed.columns if column.type in (Type.INTEGER, Type.DOUBLE, Type.DECIMAL)
    )


def _of(number: int, ran: list[engine.Ran], rows: int) -> Findings:
    """One drop's part of what a suite found on several."""
    outcomes = tuple(_outcome_of(number, one.outcome) for one in ran)
    crashed = tuple(one.why for one in ran if one.outcome.state == "crashed")
    if crashed:
        return Findings(crashed=crashed, outcomes=outcomes, sizes={0: rows})
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    warnings = tuple(_sentence(outcome) for outcome in failed if outcome.severity == "warn")
    return Findings(
        rejected=tuple(_sentence(outcome) for outcome in failed if outcome.severity == "reject"),
        warned=tuple((sentence, np.zeros(1, dtype=np.int64)) for sentence in warnings), warnings=warnings,
        outcomes=outcomes, sizes={0: rows},
    )


def _outcome_of(number: int, outcome: Outcome) -> Outcome:
    failed = outcome.state == "failed" and (number in outcome.bad or not outcome.bad)
    state = outcome.state if outcome.state != "failed" or failed else "passed"
    low, _ = outcome.spans.get(number, (None, None))
    found = outcome.observed if low is None else f"{low:.3g}"
    return Outcome(outcome.severity, outcome.reason, outcome.config, state, observed=found if failed else "",
                   scope="drop")


def _sentence(outcome: Outcome) -> str:
    return f"{outcome.reason} (found {outcome.observed})" if outcome.observed else outcome.reason
