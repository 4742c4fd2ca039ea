"""A simulated house of two merged operators: every feed of the landing contract, with the truth kept beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.clock import DAY
from pipelines.errors import UsageError
from pipelines.estate import Estate, load
from pipelines.importers.homes import claim
from pipelines.landing.contract import FEEDS
from pipelines.progress import Report, silent
from pipelines.settings import PROJECT
from pipelines.simulate import scenario as scenarios
from pipelines.simulate.canaries import Canaries
from pipelines.simulate.drops import Packing, Writer
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.hazard import HORIZON
from pipelines.simulate.life import House
from pipelines.simulate.margin import economy
from pipelines.simulate.oracle import OracleReport, oracle_report
from pipelines.simulate.plants import Plants
from pipelines.simulate.population import OPERATORS
from pipelines.simulate.scenario import Scenario
from pipelines.simulate.truth import Truth, cutoffs

__all__ = ["OracleReport", "Scenario", "Simulated", "oracle_report", "simulate"]

AFTERMATH = HORIZON  # days lived without files after the last drop, so that the truth knows what came of every night
SPARE_DROPS = 4  # daily drops beyond the nights asked for, so that one more night can be tried


@dataclass(frozen=True)
class Simulated:
    """What was written. `first_night` is the as_of of the newest historical drop; the daily ones follow."""

    scenario: str
    start: date
    day_zero: date | None  # dt of the dump; None when every day is its own drop
    first_night: date
    last_dt: date
    subscribers: int  # lines there on the first day
    lines: int  # lines there on any day
    rows: dict[str, int]
    estate_file: Path
    truth: Path | None  # None when one day alone was asked for


def simulate(
    subscribers: int = 4000, days: int = 300, nights: int = 3, seed: int = 7, start: date | None = None, *,
    day_zero: bool = True, scenario: str | Scenario = "steady", only: date | None = None, force: bool = False,
    report: Report = silent,
) -> Simulated:
    """Write landing files, estate.toml and truth of one house into TELCO_HOME; the same arguments, the same bytes.

    History is [start, start + days): one day-zero dump per feed at dt = start + days - 1, or with `day_zero=False`
    one drop per day, the first of which tells of everyone there before. Daily drops follow for `nights` and
    SPARE_DROPS more days. `scenario` is the name of a shipped one, the path of a file, or a Scenario. `only` writes the
    daily drops of that day alone and no truth; they equal the long run's. Raises UsageError for a home that holds
    another estate.
    """
    plan = scenarios.load(scenario) if isinstance(scenario, str) else scenario
    facts = load(PROJECT / "estate.toml")
    start = start or facts.history_start
    stop = days + nights + SPARE_DROPS
    _check(subscribers, days, nights, seed, start, stop, only)
    origin = (f"simulated: scenario={plan.name} subscribers={subscribers} days={days} nights={nights} seed={seed} "
              f"day_zero={day_zero}")
    estate_file = claim(_estate(facts, start, stop), origin, force=force)
    last = stop - 1 if only is None else (only - start).days
    lived = stop + AFTERMATH if only is None else last + 1
    house = House(subscribers, start, lived, seed, Plants(plan, days, seed), economy(facts, plan.applied()))
    packing = Packing(days if day_zero and only is None else 0)
    writer = Writer(_context(house, facts, last + 1, is_kept=only is None), packing)
    truth = Truth(house, cutoffs(days, stop) if only is None else frozenset())
    _run(house, writer, truth, range(0 if only is None else last, last + 1), report)
    place = None
    if only is None:
        place = truth.write({"scenario": plan.model_dump(mode="json"), "seed": seed, "start": start, "days": days})
        writer.context.canaries.write(place)
    return Simulated(
        scenario=plan.name, start=start, day_zero=start + (days - 1) * DAY if day_zero else None,
        first_night=start + days * DAY, last_dt=start + (stop - 1) * DAY, subscribers=subscribers,
        lines=house.present(last), rows=dict(writer.rows), estate_file=estate_file, truth=place,
    )


def _check(subscribers: int, days: int, nights: int, seed: int, start: date, stop: int, only: date | None) -> None:
    if subscribers < 1 or days < 1 or nights < 0 or seed < 0:
        raise UsageError(
            f"simulate: subscribers={subscribers} days={days} nights={nights} seed={seed}: "
            "subscribers and days start at 1, nights and seed at 0"
        )
    if only is not None and not start <= only < start + stop * DAY:
        raise UsageError(f"simulate: only {only}: this run covers {start} to {start + (stop - 1) * DAY}")


def _context(house: House, facts: Estate, stop: int, *, is_kept: bool) -> Context:
    """What the feeds need to know of a house whose files cover [0, stop)."""
    currencies = tuple(facts.operators[name].currency for name in OPERATORS)
    return Context(house.lines, house.cells, house.start, stop, house.seed, house.plants, house.parameters, currencies,
                   Canaries(is_kept))


def _run(house: House, writer: Writer, truth: Truth, told: range, report: Report) -> None:
    """Live through all days; those outside `told` leave no file."""
    house.warm_up()
    with writer:
        for day in house.days():
            truth.before(day.day)
            today = day.run()
            truth.after(day.day, today.events)
            if day.day in told:
                writer.write(today)
            if day.day % 50 == 0:
                report(f"simulated {day.on}: {len(day.lines)} lines so far")


def _estate(facts: Estate, start: date, stop: int) -> Estate:
    """The repository's facts with this history."""
    missing = [feed.id for feed in FEEDS if feed.id not in facts.feeds]
    if missing:
        raise UsageError(f"estate.toml has no section for {missing}; the simulator writes every feed of the contract")
    return Estate.model_validate({
        **facts.model_dump(), "history_start": start, "history_end": start + stop * DAY, "first_cutoff": None,
    })
