"""A small simulated operator whose churn depends on billing, network and care; the truth is kept beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.clock import DAY
from pipelines.errors import UsageError
from pipelines.estate import Estate, FeedFacts, load
from pipelines.importers.drops import write_drop
from pipelines.importers.homes import claim
from pipelines.landing.contract import BY_ID, FEEDS
from pipelines.progress import Report, silent
from pipelines.settings import PROJECT
from pipelines.simulate import truth
from pipelines.simulate.feeds import Feeds
from pipelines.simulate.life import live
from pipelines.simulate.oracle import OracleReport, oracle_report

__all__ = ["OracleReport", "Simulated", "oracle_report", "simulate"]

SPARE_DROPS = 4  # daily drops beyond the nights asked for, so that one more night can be tried
CUTOFF_STEP = 7


@dataclass(frozen=True)
class Simulated:
    """What was written. `first_night` is the as_of of the newest historical drop; the daily ones follow."""

    start: date
    day_zero: date | None  # dt of the dump; None when every day is its own drop
    first_night: date
    last_dt: date
    subscribers: int  # lines there on the first day
    lines: int  # lines there on any day
    rows: dict[str, int]
    estate_file: Path
    truth: Path


def simulate(
    subscribers: int = 4000, days: int = 300, nights: int = 3, seed: int = 7, start: date | None = None, *,
    day_zero: bool = True, force: bool = False, report: Report = silent,
) -> Simulated:
    """Write landing files, estate.toml and truth of one operator into TELCO_HOME; the same arguments, the same bytes.

    History is [start, start + days): one day-zero dump per feed at dt = start + days - 1, or with `day_zero=False`
    one drop per day, the first of which tells of everyone there before. Daily drops follow for `nights` and
    SPARE_DROPS more days. Raises UsageError for a home that holds another estate.
    """
    if subscribers < 1 or days < 1 or nights < 0 or seed < 0:
        raise UsageError(
            f"simulate: subscribers={subscribers} days={days} nights={nights} seed={seed}: "
            "subscribers and days start at 1, nights and seed at 0"
        )
    facts = load(PROJECT / "estate.toml")
    start = start or facts.history_start
    stop = days + nights + SPARE_DROPS
    origin = f"simulated: subscribers={subscribers} days={days} nights={nights} seed={seed} day_zero={day_zero}"
    estate_file = claim(_estate(facts, start, stop), origin, force=force)
    cutoffs = frozenset(range(90, stop, CUTOFF_STEP)) | {days}
    history = live(subscribers=subscribers, start=start, stop=stop, seed=seed, cutoffs=cutoffs, report=report)
    feeds = Feeds(history, seed)
    rows = _write(feeds, start, days, stop, day_zero=day_zero, report=report)
    return Simulated(
        start=start, day_zero=start + (days - 1) * DAY if day_zero else None, first_night=start + days * DAY,
        last_dt=start + (stop - 1) * DAY, subscribers=subscribers, lines=len(history.lines), rows=rows,
        estate_file=estate_file, truth=truth.write(history, feeds),
    )


def _write(feeds: Feeds, start: date, days: int, stop: int, *, day_zero: bool, report: Report) -> dict[str, int]:
    """Cut every feed into its drops and write them; returns the rows by feed."""
    rows = {}
    for feed_id, made in feeds.tables().items():
        feed = BY_ID[feed_id]
        count = write_drop(feed, start + (days - 1) * DAY, made.between(0, days), day_zero=True) if day_zero else 0
        for day in range(days if day_zero else 0, stop):
            count += write_drop(feed, start + day * DAY, made.between(day, day + 1))
        rows[feed_id] = count
        report(f"wrote {feed_id}: {count} rows")
    return rows


def _estate(facts: Estate, start: date, stop: int) -> Estate:
    """The repository's facts with this history; feeds the simulator does not make are marked not delivered."""
    operator = next(iter(facts.operators))
    made = {feed.id for feed in FEEDS} & set(facts.feeds)
    feeds = {
        feed.id: facts.feeds[feed.id] if feed.id in made else FeedFacts(operator=operator, delivered=False)
        for feed in FEEDS
    }
    return Estate.model_validate({
        **facts.model_dump(), "history_start": start, "history_end": start + stop * DAY, "first_cutoff": None,
        "feeds": {feed_id: feed.model_dump() for feed_id, feed in feeds.items()},
    })
