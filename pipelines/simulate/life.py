"""The operator day by day: who leaves, what is billed, used and complained about. No files, no dates but a calendar."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.progress import Report, silent
from pipelines.simulate import billing, care, usage
from pipelines.simulate.hazard import Logit, can_leave, daily, expected, logit
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import Bools, Floats, Ints, Lines, cell_count, lines
from pipelines.simulate.radio import severity
from pipelines.simulate.state import ACTIVE, ENDED, NEVER, State, binding_end, initial, prepaid
from pipelines.simulate.streams import stream

WARM_UP = 120  # days before history in which the states find their usual shares; nothing of them is written
Columns = dict[str, NDArray[Any]]


@dataclass
class History:
    """All that happened: the lines, and per kind of event the columns, ordered by day and line."""

    lines: Lines
    start: date
    stop: int  # days simulated: [0, stop)
    events: dict[str, Columns] = field(default_factory=dict)
    truth: Columns = field(default_factory=dict)


class _Recorder:
    def __init__(self) -> None:
        self.parts: dict[str, list[Columns]] = defaultdict(list)

    def add(self, kind: str, day: int, **columns: NDArray[Any]) -> None:
        self.parts[kind].append({"day": np.full(len(columns["line"]), day), **columns})

    def columns(self, kind: str) -> Columns:
        parts = self.parts[kind]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def live(
    *, subscribers: int, start: date, stop: int, seed: int, cutoffs: frozenset[int] = frozenset(),
    parameters: Parameters | None = None, report: Report = silent,
) -> History:
    """Simulate days [0, stop) after a warm-up; `cutoffs` are the days whose truth is kept.

    Every draw of a day comes from that day's own streams over the lines there by then, so a longer run has the same
    first days.
    """
    parameters = parameters or Parameters()
    population = lines(seed, subscribers, stop, parameters)
    whole = initial(population, -WARM_UP)
    sky = severity(seed, cell_count(subscribers, parameters), -WARM_UP, stop, parameters)
    recorder = _Recorder()
    for day in range(-WARM_UP, stop):
        count = int(np.searchsorted(population.started[subscribers:], day, side="right")) + subscribers
        today = _Day(population.head(count), whole.head(count), day, start, seed, sky[day + WARM_UP], parameters)
        if day in cutoffs:
            today.record_truth(recorder)
        today.run(recorder)
        if day >= 0 and day % 50 == 0:
            active = int(np.sum(today.state.status == ACTIVE))
            report(f"simulated {start + timedelta(day)}: {active} active lines")
    kinds = ("subscriptions", "products", "invoices", "payments", "usage", "care")
    history = History(population, start, stop, {kind: recorder.columns(kind) for kind in kinds})
    history.truth = recorder.columns("truth")
    history.events["ends"] = _ends(population, whole)
    return history


def _ends(population: Lines, state: State) -> Columns:
    """Churn as DESIGN defines it, one row per line that churned: day and kind."""
    silent_first = state.silent_on < state.ended
    on = np.minimum(state.silent_on, state.ended)
    row = np.flatnonzero(on < NEVER)
    kind = np.where(silent_first, len(billing.END_REASONS), state.reason)
    return {"line": row, "churn_day": on[row], "kind": kind[row]}


@dataclass(frozen=True)
class _Day:
    """One day of everyone there by then."""

    lines: Lines
    state: State
    day: int
    start: date
    seed: int
    sky: Floats
    parameters: Parameters

    def rng(self, purpose: str) -> np.random.Generator:
        return stream(self.seed, purpose, self.day)

    def run(self, recorder: _Recorder) -> None:
        on = self.start + timedelta(self.day)
        if self.day == 0:
            billing.forget_open_invoices(self.state)
        is_told = self.day >= 0
        leavers = self.leave() if is_told else np.zeros(len(self.lines), dtype=bool)
        changed, toggled = billing.change(self.rng("change"), self.lines, self.state, self.day, self.parameters)
        payments, moved = billing.collect(self.rng("collect"), self.lines, self.state, self.day, self.parameters)
        invoices = billing.bill(self.rng("bill"), self.lines, self.state, self.day, on.day)
        top_ups = self.top_ups(invoices)
        used = usage.use(
            self.rng("usage"), self.lines, self.state, self.day, on.weekday(), self.sky, self.parameters,
        )
        failed = np.zeros(len(self.lines), dtype=bool)
        failed[payments.line[~payments.is_ok]] = True
        asked = care.contact(
            self.rng("care"), self.lines, self.state, self.day, on.weekday(), self.sky, failed, self.parameters,
        )
        moved = moved | self.close_silent()
        if not is_told:
            return
        is_new = self.lines.started == self.day if self.day else np.ones(len(self.lines), dtype=bool)
        self.record_contracts(recorder, changed | moved | leavers | is_new, is_new, toggled)
        recorder.add("invoices", self.day, **vars(invoices))
        for paid in (payments, top_ups):
            recorder.add("payments", self.day, **vars(paid))
        recorder.add("usage", self.day, **vars(used))
        recorder.add("care", self.day, **vars(asked))

    def leave(self) -> Bools:
        """Draw today's leavers: postpaid lines end, prepaid users fall silent without a word."""
        rng = self.rng("leave")
        n = len(self.lines)
        terms = logit(self.lines, self.state, self.day, self.parameters)
        hazard = daily(terms.total + self.lines.frailty) * can_leave(self.lines, self.state, self.day)
        leaves = rng.random(n) < hazard
        ports = rng.random(n) < np.clip(0.25 + 0.15 * terms.network + 0.1 * self.state.rise, 0, 0.8)
        self.state.gone_silent[leaves & prepaid(self.lines)] = True
        ends = leaves & ~prepaid(self.lines)
        billing.end(self.state, ends, self.day, np.where(ports, billing.PORT_OUT, billing.CANCELLATION))
        return np.asarray(ends)

    def top_ups(self, invoices: billing.Invoices) -> billing.Payments:
        """A prepaid top-up is paid as it is billed."""
        now = self.state.attempt_on[invoices.line] == self.day
        row = invoices.line[now]
        self.state.attempt_on[row] = NEVER
        return billing.Payments(row, np.full(len(row), self.day), invoices.amount[now], np.ones(len(row), dtype=bool))

    def close_silent(self) -> Bools:
        """Note the day silence reaches 45 days; much later billing ends the line."""
        silent_days = self.day - self.state.last_use
        is_open = prepaid(self.lines) & (self.state.status == ACTIVE) & (self.lines.started <= self.day)
        reached = is_open & (silent_days == self.parameters.silence_days) & (self.day >= 0)
        self.state.silent_on[reached & (self.state.silent_on == NEVER)] = self.day
        ends = is_open & (silent_days >= self.parameters.silent_end_days)
        billing.end(self.state, ends, self.day, np.full(len(ends), billing.CANCELLATION))
        return np.asarray(ends)

    def record_contracts(
        self, recorder: _Recorder, changed: Bools, is_new: Bools, toggled: tuple[Ints, Ints],
    ) -> None:
        """Change rows: the state at the end of the day, one row per line or product that changed."""
        lines, state = self.lines, self.state
        row = np.flatnonzero(changed & ((lines.started <= self.day) | is_new))
        recorder.add(
            "subscriptions", self.day, line=row, price=state.price[row], binding_end=binding_end(lines, state)[row],
            status=state.status[row], ended=state.ended[row], reason=state.reason[row], is_new=is_new[row],
        )
        fresh = np.zeros_like(state.products)
        fresh[is_new] = state.products[is_new]
        fresh[toggled] = True
        gone = (state.status == ENDED) & (state.ended == self.day)
        fresh[gone] |= state.products[gone]
        line, product = np.nonzero(fresh)
        is_held = state.products[line, product] & ~gone[line]
        recorder.add(
            "products", self.day, line=line, product=product, since=state.since[line, product], is_held=is_held,
        )

    def record_truth(self, recorder: _Recorder) -> None:
        """What is known only here: hazards at the start of the day, for every line that is active."""
        lines, state, day = self.lines, self.state, self.day
        terms: Logit = logit(lines, state, day, self.parameters)
        is_silent = day - state.last_use > self.parameters.silence_days
        active = (state.status != ENDED) & (lines.started < day) & ~(is_silent & prepaid(lines))
        row = np.flatnonzero(active)
        recorder.add(
            "truth", day, line=row, logit_billing=terms.billing[row], logit_network=terms.network[row],
            logit_care=terms.care[row], logit_interaction=terms.interaction[row], frailty=lines.frailty[row],
            expected_30d=expected(lines, state, day, self.parameters)[row],
            expected_billing_30d=expected(lines, state, day, self.parameters, ("billing",))[row],
            expected_billing_care_30d=expected(lines, state, day, self.parameters, ("billing", "care"))[row],
        )
