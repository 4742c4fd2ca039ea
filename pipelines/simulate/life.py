"""The house day by day: who leaves, what is billed, used and complained about. No files, no dates but a calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from pipelines.simulate import billing, care, governance, numbers, tariffs, usage
from pipelines.simulate.arrays import Columns, Floats, Ints, uniform
from pipelines.simulate.counters import CellDay
from pipelines.simulate.hazard import Climate, can_leave, daily, is_free, logit
from pipelines.simulate.margin import Economy, cost_a_day
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.plants import Plants
from pipelines.simulate.population import BITS, OPERATORS, Lines, lines, prepaid
from pipelines.simulate.radio import Cells, cells, severity, shocks
from pipelines.simulate.state import ENDED, NEVER, State, initial
from pipelines.simulate.streams import stream

WARM_UP = 40  # days before history in which contacts and dropped calls find their level; nothing of them is written


@dataclass(frozen=True)
class Today:
    """What one day's drops may tell of: per kind of event the columns, ordered by line."""

    day: int
    events: dict[str, Columns]
    cells: CellDay


@dataclass(frozen=True)
class _Lived:
    """What came of a day's life, before it is told."""

    changed: Ints
    toggled: tuple[Ints, Ints]
    payments: billing.Payments
    bills: billing.Bills
    usage: usage.UsageDay
    care: care.CareDay


@dataclass
class House:
    """Everyone and everything of one run, and its clock. Every draw of a day comes from that day's own streams over
    the lines there by then, so a longer run has the same first days."""

    subscribers: int
    start: date
    stop: int  # days to simulate: [0, stop)
    seed: int
    plants: Plants
    economy: Economy
    lines: Lines = field(init=False)
    state: State = field(init=False)
    cells: Cells = field(init=False)

    def __post_init__(self) -> None:
        self.parameters: Parameters = self.plants.scenario.applied()
        self.cells = cells(self.seed, self.subscribers, self.parameters)
        self.lines = lines(self.seed, self.subscribers, self.stop, self.cells.count, self.parameters)
        self.state = initial(self.lines, -WARM_UP, self.seed, self.parameters)
        self.base = int(np.searchsorted(self.lines.started >= 0, True))
        self.arrivals = np.array([self.plants.arrival(operator) for operator in range(len(OPERATORS))])
        self._sky: Floats = severity(self.seed, self.cells.count, -WARM_UP, self.stop, self.parameters)
        self.shocks = shocks(self.seed, 0, self.stop, self.parameters)
        self.quarantine = numbers.Quarantine()
        self.complaints = care.Complaints()

    def present(self, day: int) -> int:
        """Lines there by a day."""
        return self.base + int(np.searchsorted(self.lines.started[self.base:], day, side="right"))

    def climate(self, day: int, lines: Lines, state: State) -> Climate:
        """The year's wave, highest on 15 January (an assumption), and what is planted."""
        angle = 2 * np.pi * ((self.start + timedelta(day)).timetuple().tm_yday - 15) / 365.25
        season = float(self.parameters.hazard.season * np.cos(angle))
        return Climate(season, self.plants.log_odds(lines, state, day))

    def severity(self, day: int) -> Floats:
        """How badly each cell works on a day."""
        return np.asarray(self._sky[day + WARM_UP])

    def warm_up(self) -> None:
        for day in range(-WARM_UP, 0):
            Day(self, day).pass_unseen()

    def days(self) -> Iterator[Day]:
        """The days of history, each to be run before the next is asked for."""
        for day in range(self.stop):
            yield Day(self, day)


class Day:
    """One day of everyone there by then."""

    def __init__(self, house: House, day: int) -> None:
        self.house, self.day = house, day
        self.on = house.start + timedelta(day)
        count = house.present(day)
        self.lines, self.state = house.lines.head(count), house.state.head(count)
        self.parameters = house.parameters

    def rng(self, purpose: str) -> np.random.Generator:
        return stream(self.house.seed, purpose, self.day)

    def pass_unseen(self) -> None:
        """A day before history: nobody leaves, and nothing of it is told."""
        self._live()
        self.close_silent()

    def run(self) -> Today:
        """Live through the day; returns what its drops may tell of."""
        house, lines, state, day, p = self.house, self.lines, self.state, self.day, self.parameters
        arriving = self._arriving()
        billing.forget_open_bills(state, arriving)
        numbered = numbers.activate(self.rng("numbers"), lines, state, day, house.quarantine, p)
        leavers = self.leave()
        lived = self._live()
        closed = self.close_silent()
        rng = self.rng("complaints")
        opened, settled = house.complaints.opened(rng, lived.care, day), house.complaints.closed(rng, day)
        ported = numbers.close(self.rng("swaps"), lines, state, day, house.quarantine, p)
        bills = {**vars(lived.bills), "serial": np.zeros(len(lived.bills.line), np.int8)}
        events = {
            "complaints": _both(opened, settled), "numbers": _both(numbered, ported),
            "payments": _both(vars(lived.payments), vars(billing.top_ups(state, day, lived.bills))),
            "bills": _both(bills, self._credits(settled)), "usage": vars(lived.usage), "care": vars(lived.care),
        }
        for kind in ("usage", "care", "complaints"):
            events[kind] = {**events[kind], "number": state.number[events[kind]["line"]]}
        self._reckon(events["bills"])
        fresh = np.unique(np.concatenate([arriving, np.arange(self._first_new(), len(lines))]))
        events |= self._contracts(np.concatenate([lived.changed, leavers, closed]), fresh, lived.toggled)
        events["consents"] = governance.consent(self.rng("consents"), lines, state, day, fresh, p)
        events["erasures"] = governance.erase(self.rng("erasures"), lines, state, day, p)
        drawn = governance.campaign(self.rng("campaign"), lines, state, day, p)
        if drawn is not None:
            events["campaigns"] = drawn
        data, calls = usage.traffic(lines, lived.usage, self.on.weekday(), house.cells.count)
        seen = CellDay(day, house.severity(day), data, calls, house.plants.vendor(house.cells, day))
        return Today(day, {kind: self._known(columns) for kind, columns in events.items()}, seen)

    def _live(self) -> _Lived:
        """Bills, calls and contacts of the day."""
        house, lines, state, day, p = self.house, self.lines, self.state, self.day, self.parameters
        weekday = self.on.weekday()
        planted, share = house.plants.price_rise(lines, day)
        changed, toggled = billing.change(self.rng("change"), lines, state, day, p, planted, share)
        moved = tariffs.move(self.rng("plans"), lines, state, day, p)
        payments, settled = billing.collect(self.rng("collect"), lines, state, day, p)
        bills = billing.bill(self.rng("bill"), lines, state, day, self.on.day, p)
        bad = usage.experienced(lines, house.severity(day), weekday)
        more_use, more_talk = house.plants.season(day)
        used = usage.use(self.rng("usage"), lines, state, day, weekday, bad, p, more_use)
        failed = payments.line[~payments.is_ok]
        asked = care.contact(self.rng("care"), lines, state, day, weekday, bad, failed, p, more_talk)
        return _Lived(np.concatenate([changed, moved, settled]), toggled, payments, bills, used, asked)

    def leave(self) -> Ints:
        """Draw today's leavers: postpaid lines end, prepaid users fall silent without a word."""
        lines, state, rng, h = self.lines, self.state, self.rng("leave"), self.parameters.hazard
        terms = logit(lines, state, self.day, self.parameters, self.house.climate(self.day, lines, state))
        recent = self.day - state.contacted_on <= self.parameters.campaigns.lasts_days
        shock = self.house.shocks[self.day][lines.region] * is_free(lines, state, self.day)
        hidden = lines.frailty + lines.reaction * recent + np.float32(h.competitor) * shock
        hazard = daily(terms.total + hidden) * can_leave(lines, state, self.day)
        state.hazard[:] -= np.log1p(-hazard)
        rows = np.flatnonzero(uniform(rng, len(lines)) < hazard)
        ports = rng.random(len(rows)) < np.clip(0.25 + 0.15 * terms.network[rows] + 0.1 * state.rise[rows], 0, 0.8)
        silent = prepaid(lines)[rows]
        state.gone_silent[rows[silent]] = True
        ends = rows[~silent]
        billing.end(state, ends, self.day, np.where(ports, billing.PORT_OUT, billing.CANCELLATION)[~silent])
        return ends

    def close_silent(self) -> Ints:
        """Note the day silence reaches 45 days; much later billing ends the line."""
        is_open, silent = usage.silenced(self.lines, self.state, self.day)
        if self.day >= 0:
            reached = is_open & (silent == self.parameters.silence_days) & (self.state.silent_on == NEVER)
            self.state.silent_on[reached] = self.day
        ends = np.flatnonzero(is_open & (silent >= self.parameters.silent_end_days))
        billing.end(self.state, ends, self.day, billing.CANCELLATION)
        return ends

    def _arriving(self) -> Ints:
        """Open lines of operators whose files begin today."""
        if self.day not in self.house.arrivals:
            return np.empty(0, np.int64)
        begins = np.flatnonzero(self.house.arrivals == self.day)
        return np.flatnonzero((self.state.status != ENDED) & np.isin(self.lines.operator, begins))

    def _first_new(self) -> int:
        return self.house.base + int(np.searchsorted(self.lines.started[self.house.base:], self.day))

    def _credits(self, closed: Columns) -> Columns:
        """Some settled billing complaints end with a credit note of a part of the monthly price."""
        rng = self.rng("credits")
        wins = (closed["topic"] == care.TOPICS.index("billing")) & (closed["status"] == care.SETTLED)
        line = np.unique(closed["line"][wins])
        line = line[rng.random(len(line)) < self.parameters.credit_note]
        amount = -np.maximum(self.state.price[line] * rng.uniform(0.05, 0.25, len(line)), 1).astype(np.int64)
        return {"line": line, "period_start": np.full(len(line), self.day - 1), "amount": amount,
                "serial": np.ones(len(line), np.int8)}

    def _reckon(self, bills: Columns) -> None:
        """Carry the day into the realised margins."""
        economy = self.house.economy
        gained = -cost_a_day(self.lines, self.state, economy)
        worth = economy.worth[self.lines.operator[bills["line"]]]
        np.add.at(gained, bills["line"], bills["amount"] * worth)
        self.state.margin[:] += gained * economy.daily_discount**self.day

    def _contracts(self, changed: Ints, fresh: Ints, toggled: tuple[Ints, Ints]) -> dict[str, Columns]:
        """Change rows: the state at the end of the day, one row per line or product that is new or has changed."""
        lines, state = self.lines, self.state
        row = np.unique(np.concatenate([changed, fresh]))
        row = row[lines.started[row] <= self.day]
        contracts = {
            "line": row, "level": state.level[row], "price": state.price[row], "bound_until": state.bound_until[row],
            "products": state.products[row], "status": state.status[row], "ended": state.ended[row],
            "reason": state.reason[row], "number": state.number[row], "swaps": state.swaps[row],
        }
        gone = row[state.ended[row] == self.day]
        parts = [toggled]
        for place, bit in enumerate(BITS):
            for rows in (fresh, gone):
                held = rows[state.products[rows] & bit > 0]
                parts.append((held, np.full(len(held), place)))
        line, product = (np.concatenate(values) for values in zip(*parts, strict=True))
        pair = np.unique(line.astype(np.int64) * 16 + product)
        line, product = pair // 16, pair % 16
        is_held = (state.products[line] & BITS[product] > 0) & (state.ended[line] != self.day)
        holdings = {"line": line, "product": product, "since": state.since[product, line], "is_held": is_held}
        return {"contracts": contracts, "products": holdings, "accounts": {"line": fresh}}

    def _known(self, columns: Columns) -> Columns:
        """Without the lines of operators whose files have not begun."""
        if not self.house.arrivals.any():
            return columns
        arrival = self.house.arrivals[self.lines.operator[columns["line"]]]
        keep = arrival <= self.day
        for name in ("issued", "opened"):  # nor what began before: its bill or contact is in no file
            if name in columns:
                keep &= columns[name] >= arrival
        return {name: values[keep] for name, values in columns.items()}


def _both(first: Columns, second: Columns) -> Columns:
    """Two sets of rows in one, ordered by line; the first set's rows stand first."""
    joined = {name: np.concatenate([first[name], second[name]]) for name in first}
    order = np.argsort(joined["line"], kind="stable")
    return {name: values[order] for name, values in joined.items()}


def active(lines: Lines, state: State, day: int, parameters: Parameters) -> Ints:
    """Rows active at the start of `day` as the house defines it: open, a day old, not silent beyond 45 days."""
    is_silent = prepaid(lines) & (day - state.last_use > parameters.silence_days)
    return np.flatnonzero((state.status != ENDED) & (lines.started < day) & ~is_silent)
