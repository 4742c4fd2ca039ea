"""One day of billing: price rises, add-ons, renewals, invoices, payment attempts, suspensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import DSL, FIBER, PRICE, Bools, Ints, Lines
from pipelines.simulate.state import ACTIVE, ENDED, NEVER, SUSPENDED, State, binding_end, prepaid

END_REASONS = ("cancellation", "port_out", "non_payment")
CANCELLATION, PORT_OUT, NON_PAYMENT = range(3)
RISE_MEMORY, FAILED_MEMORY = np.exp(-1 / 45), np.exp(-1 / 60)
ATTEMPTS = 3  # on the due day, a week later, two weeks later; then the line is suspended
DUE_DAYS = 14
TOP_UP_DAYS = 28


@dataclass(frozen=True)
class Invoices:
    """One day's invoices, at most one per line; days count from the start of history."""

    line: Ints
    period_start: Ints
    amount: Ints


@dataclass(frozen=True)
class Payments:
    """One day's payment attempts, at most one per line."""

    line: Ints
    issued: Ints  # day of the invoice it pays
    amount: Ints
    is_ok: Bools


def change(
    rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters,
) -> tuple[Bools, tuple[Ints, Ints]]:
    """Price rises, add-ons taken or given up, renewals. Returns the changed lines and (line, product) toggled."""
    n = len(lines)
    state.rise[:] *= RISE_MEMORY
    live = (state.status == ACTIVE) & (lines.started < day) & ~prepaid(lines)
    rises = live & (rng.random(n) < parameters.price_rise)
    share = rng.uniform(0.05, 0.20, n)
    state.rise[rises] += share[rises] / 0.10
    state.rise_on[rises] = day
    state.price[rises] = np.round(state.price[rises] * (1 + share[rises])).astype(np.int64)

    has_internet = state.products[:, DSL] | state.products[:, FIBER]
    toggles = live & has_internet & (rng.random(n) < parameters.product_change)
    row = np.flatnonzero(toggles)
    product = rng.integers(FIBER + 1, len(PRICE), n)[row]
    held = state.products[row, product]
    state.products[row, product] = ~held
    state.since[row, product] = np.where(held, state.since[row, product], day)
    state.price[row] += np.where(held, -1, 1) * PRICE[product]

    renews = (state.status != ENDED) & (binding_end(lines, state) < day)
    state.binding[renews] += 1
    return rises | toggles | renews, (row, product)


def bill(rng: np.random.Generator, lines: Lines, state: State, day: int, day_of_month: int) -> Invoices:
    """Monthly invoices in arrears, a last one on the day a line ends, and prepaid top-ups every four weeks."""
    n = len(lines)
    span = day - state.billed_until
    is_prepaid = prepaid(lines)
    regular = (state.status == ACTIVE) & ~is_prepaid & (lines.bill_day == day_of_month)
    final = (state.ended == day) & ~is_prepaid & (state.reason != NON_PAYMENT)
    tops_up = (
        (state.status == ACTIVE) & is_prepaid & ~state.gone_silent & (state.away_until <= day)
        & ((day - lines.bill_day) % TOP_UP_DAYS == 0)
    )
    extra = (rng.gamma(1.5, 300, n) * (rng.random(n) < 0.12)).astype(np.int64)
    amount = np.where(span >= 28, state.price, state.price * span // 30) + extra
    amount = np.where(tops_up, state.price, amount)
    issued = (regular | final | tops_up) & (span > 0)
    row = np.flatnonzero(issued)
    invoices = Invoices(row, state.billed_until[row], amount[row])
    state.billed_until[issued] = day
    waits = issued & ~tops_up
    state.invoice[issued] = day
    state.owed[issued] = amount[issued]
    state.attempts[issued] = 0
    state.attempt_on[issued] = day
    state.attempt_on[waits] = day + DUE_DAYS
    return invoices


def collect(
    rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters,
) -> tuple[Payments, Bools]:
    """Payment attempts of the day, suspensions, debts settled, ends for non-payment. Returns the changed lines too."""
    n = len(lines)
    _trouble(rng, state, parameters)
    state.failed[:] *= FAILED_MEMORY
    tries = state.attempt_on == day
    chance = np.where(state.trouble, parameters.fail_trouble, parameters.fail_ordinary)
    fails = tries & ~prepaid(lines) & (rng.random(n) < chance)
    paid = tries & ~fails
    state.failed[fails] += 1
    state.attempts[fails] += 1
    gives_up = fails & (state.attempts == ATTEMPTS)
    state.attempt_on[fails] = day + 7
    state.attempt_on[paid | gives_up] = NEVER

    owing = (state.status == SUSPENDED) & (state.suspended_on < day)
    settles = owing & (rng.random(n) < parameters.debt_paid)
    row = np.flatnonzero(tries | settles)
    payments = Payments(row, state.invoice[row], state.owed[row], ~fails[row])
    state.status[settles] = ACTIVE
    state.trouble[settles] = False
    state.billed_until[settles] = day
    ends = owing & ~settles & (day - state.suspended_on >= parameters.suspended_days)
    end(state, ends, day, np.full(n, NON_PAYMENT))
    # Before history starts nobody is suspended: the dump would hold a state whose cause it does not show.
    suspends = gives_up & (state.status == ACTIVE) & (day >= 0)
    state.status[suspends] = SUSPENDED
    state.suspended_on[suspends] = day
    return payments, settles | ends | suspends


def end(state: State, who: Bools, day: int, reason: Ints) -> None:
    """End subscriptions today."""
    state.status[who] = ENDED
    state.ended[who] = day
    state.reason[who] = reason[who]


def forget_open_invoices(state: State) -> None:
    """Invoices from before history are not in any file, so nothing may pay them."""
    state.attempt_on[:] = NEVER


def _trouble(rng: np.random.Generator, state: State, parameters: Parameters) -> None:
    draw = rng.random(len(state.trouble))
    begins = ~state.trouble & (draw < parameters.trouble_start)
    ends = state.trouble & (draw < parameters.trouble_end)
    state.trouble[begins] = True
    state.trouble[ends] = False
