"""The suite of a whole drop: volume against the feed's own history, freshness both ways, completeness.

The batch has one row per drop:

    rows                      rows of the drop
    median_rows, ratio        median rows of the feed's last accepted drops; rows / median_rows; NaN without a history
    _ratio_unconfirmed        the ratio; NaN for a day-zero dump and where the sender confirmed the volume
    newest_days_before_drop   days from the newest row that does not lie after the day of the drop, to that day
    oldest_days_before_drop   the same of the oldest row
    _newest_unannounced       the first; NaN for a day-zero dump: states in it have stood for long
    _oldest_unannounced       the second; NaN for a day-zero dump
    filled.<column>           share of rows in which the column is not empty, of the columns the facts name
    _periods_share            counters: rows / (cells x periods a day); NaN for a day-zero dump

A row that lies after the day of the drop waits in quarantine by itself, and must not make a stale drop look fresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from expectations import thresholds as bound
from expectations.checks import REJECT, WARN, Suite, between, row_count

EVENT, CHANGE, SNAPSHOT = "event", "change", "snapshot"


@dataclass(frozen=True)
class DropFacts:
    """What the suite is told: the feed's shape and kind, and the columns of its counters by measurement (if any)."""

    shape: str
    kind: str
    counters: Mapping[str, str] = field(default_factory=dict)

    @property
    def watched(self) -> dict[str, tuple[float, str]]:
        """Columns that may be empty but not in most rows: the least share and what is lost below it."""
        if self.counters:
            lost = "quality figures of most cells would be empty"
            return {self.counters[name]: (bound.MIN_FILLED_COUNTER, lost) for name in bound.FILLED_COUNTERS}
        return bound.FILLED.get(self.shape, {})


def drop(facts: DropFacts) -> Suite:
    """One row per drop."""
    return [
        row_count("there is no drop to judge"),
        between("rows", 1, bound.MAX_ROWS,
                f"rows must be 1..{bound.MAX_ROWS}; a day without rows is declared, never sent empty", severity=REJECT),
        *_volume(facts),
        *_freshness(facts),
        *_completeness(facts),
    ]


def _volume(facts: DropFacts) -> Suite:
    low, high = bound.VOLUME_WARN
    least, most = bound.VOLUME_REJECT_MONTHLY if facts.shape in bound.MONTHLY else bound.VOLUME_REJECT
    return [
        between("ratio", low, high, f"rows are not {low:g} to {high:g} times the feed's usual number", severity=WARN),
        between("_ratio_unconfirmed", least, most,
                f"rows are not {least:g} to {most:g} times the feed's usual number: if that is right, the sender "
                'confirms it with "volume_confirmed": true in the control file', severity=REJECT),
    ]


def _freshness(facts: DropFacts) -> Suite:
    fresh = between("_newest_unannounced", 0, bound.FRESH_DAYS,
                    "the newest row is of neither the day of the drop nor the day before", severity=WARN)
    limit = bound.FRESH_DAYS if facts.shape in bound.EVERY_DAY else bound.STALE_DAYS
    # A dump of events reaches its day; in a small one of states nothing may have changed for months.
    newest = "newest_days_before_drop" if facts.kind == EVENT else "_newest_unannounced"
    stale = between(newest, 0, limit,
                    f"no row is of the last {limit + 1} days: a stopped source or an old file under a new day; send "
                    "the day's own file, or declare the day absent", severity=REJECT)
    suite = [fresh] if facts.shape in bound.RARE else [stale] if facts.shape in bound.EVERY_DAY else [fresh, stale]
    if facts.kind == EVENT:
        suite.append(between("_oldest_unannounced", None, bound.OLD_EVENT_DAYS,
                             f"an event is older than {bound.OLD_EVENT_DAYS} days and the drop is not announced as "
                             '"day_zero": it is known from today on', severity=WARN))
    if facts.kind == SNAPSHOT:
        suite.append(between("_oldest_unannounced", None, bound.FRESH_DAYS,
                             "rows of an older list stand in a list of everything as it is", severity=WARN))
    return suite


def _completeness(facts: DropFacts) -> Suite:
    suite = [
        between(f"filled.{column}", share, None, f"{column} is empty in more than {1 - share:.0%} of the rows: {lost}",
                severity=WARN)
        for column, (share, lost) in facts.watched.items()
    ]
    if facts.counters:
        suite += [
            between("_periods_share", bound.MIN_PERIODS_WARN, None,
                    f"less than {bound.MIN_PERIODS_WARN:.0%} of the periods of the drop's cells are there",
                    severity=WARN),
            between("_periods_share", bound.MIN_PERIODS_REJECT, None,
                    f"less than {bound.MIN_PERIODS_REJECT:.0%} of the periods of the drop's cells are there: the "
                    "collector lost them, or sends another granularity", severity=REJECT),
        ]
    return suite
