"""One day of billing: price rises, add-ons, renewals, bills, payment attempts, suspensions, ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.arrays import Bools, Ints, some, uniform
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import BINDING_DAYS, BITS, FIBER, INTERNET, PREPAID, PRICE, Lines, prepaid
from pipelines.simulate.state import ACTIVE, ENDED, FAILED_DAYS, NEVER, RISE_DAYS, SUSPENDED, State, elapsed

END_REASONS = ("cancellation", "port_out", "non_payment")
CANCELLATION, PORT_OUT, NON_PAYMENT = range(3)
ATTEMPTS = 3  # on the due day, a week later, two weeks later; then the line is suspended
DUE_DAYS = 14
TOP_UP_DAYS = 28


@dataclass(frozen=True)
class Bills:
    """One day's bills, at most one per line; days count from the start of history."""

    line: Ints
    period_start: Ints
    amount: Ints


@dataclass(frozen=True)
class Payments:
    """One day's payment attempts, at most one per line."""

    line: Ints
    issued: Ints  # day of the bill it pays
    amount: Ints
    is_ok: Bools


def change(
    rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters, planted: Ints, share: float,
) -> tuple[Ints, tuple[Ints, Ints]]:
    """Price rises (own ones, and a planted one of `share` for the `planted` lines), add-ons taken or given up,
    renewals. Returns the changed lines and (line, product) toggled."""
    n = len(lines)
    state.rise[:] = elapsed(state.rise, 1, RISE_DAYS)
    own = some(rng, n, parameters.price_rise)
    size = rng.uniform(0.05, 0.20, len(own))
    for rows, by in ((own, size), (planted, np.full(len(planted), share))):
        may = (state.status[rows] == ACTIVE) & (lines.started[rows] < day) & (lines.contract[rows] != PREPAID)
        _raise(state, rows[may], by[may], day)

    toggled = some(rng, n, parameters.product_change)
    product = rng.integers(FIBER + 1, len(PRICE), len(toggled))
    may = ((state.status[toggled] == ACTIVE) & (lines.started[toggled] < day)
           & (state.products[toggled] & INTERNET > 0))
    toggled, product = toggled[may], product[may]
    held = state.products[toggled] & BITS[product] > 0
    state.products[toggled] ^= BITS[product]
    state.since[product, toggled] = np.where(held, state.since[product, toggled], day)
    state.price[toggled] += np.where(held, -1, 1) * PRICE[product]

    renews = np.flatnonzero((state.bound_until < day) & (state.status != ENDED))
    state.bound_until[renews] += BINDING_DAYS[lines.contract[renews]]
    rises = np.flatnonzero(state.rise_on == day)
    return np.concatenate([rises, toggled, renews]), (toggled, product)


def _raise(state: State, rows: Ints, share: Ints, day: int) -> None:
    state.rise[rows] += share / 0.10
    state.rise_on[rows] = day
    state.price[rows] = np.round(state.price[rows] * (1 + share))


def bill(
    rng: np.random.Generator, lines: Lines, state: State, day: int, day_of_month: int, parameters: Parameters,
) -> Bills:
    """Monthly bills in arrears, a last one on the day a line ends, and prepaid top-ups every four weeks."""
    is_prepaid = prepaid(lines)
    is_open = state.status == ACTIVE
    regular = is_open & ~is_prepaid & (lines.bill_day == day_of_month)
    final = (state.ended == day) & ~is_prepaid & (state.reason != NON_PAYMENT)
    tops_up = is_open & is_prepaid & (lines.bill_day % TOP_UP_DAYS == day % TOP_UP_DAYS)
    tops_up &= ~state.gone_silent & (state.away_until <= day)
    row = np.flatnonzero((regular | final | tops_up) & (state.billed_until < day))
    span, is_top_up = day - state.billed_until[row], tops_up[row]
    price = state.price[row].astype(np.int64)
    extra = rng.standard_exponential(len(row)) * lines.extra[row] * (rng.random(len(row)) < parameters.extra_share)
    amount = np.where(is_top_up | (span >= 28), price, price * span // 30)
    amount += np.where(is_top_up, 0, extra.astype(np.int64))
    bills = Bills(row, state.billed_until[row], amount)
    state.billed_until[row] = day
    state.invoice[row] = day
    state.owed[row] = amount
    state.attempts[row] = 0
    state.attempt_on[row] = np.where(is_top_up, day, day + DUE_DAYS)
    return bills


def top_ups(state: State, day: int, bills: Bills) -> Payments:
    """A prepaid top-up is paid as it is billed."""
    now = state.attempt_on[bills.line] == day
    row = bills.line[now]
    state.attempt_on[row] = NEVER
    return Payments(row, np.full(len(row), day), bills.amount[now], np.ones(len(row), dtype=bool))


def collect(
    rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters,
) -> tuple[Payments, Ints]:
    """Payment attempts of the day, suspensions, debts settled, ends for non-payment. Returns the changed lines too."""
    n = len(lines)
    begins, ends = some(rng, n, parameters.trouble_start), some(rng, n, parameters.trouble_end)
    state.trouble[ends] = False
    state.trouble[begins] = True
    state.failed[:] = elapsed(state.failed, 1, FAILED_DAYS)
    tries = np.flatnonzero(state.attempt_on == day)
    chance = np.where(state.trouble[tries], parameters.fail_trouble, parameters.fail_ordinary)
    fails = uniform(rng, len(tries)) < chance
    lost, paid = tries[fails], tries[~fails]
    state.failed[lost] += 1
    state.attempts[lost] += 1
    state.attempt_on[lost] = day + 7
    gives_up = lost[state.attempts[lost] == ATTEMPTS]
    state.attempt_on[paid] = NEVER
    state.attempt_on[gives_up] = NEVER

    owing = np.flatnonzero((state.status == SUSPENDED) & (state.suspended_on < day))
    settles = owing[uniform(rng, len(owing)) < parameters.debt_paid]
    row = np.concatenate([tries, settles])
    is_ok = np.concatenate([~fails, np.ones(len(settles), dtype=bool)])
    order = np.argsort(row, kind="stable")
    payments = Payments(row[order], state.invoice[row[order]], state.owed[row[order]], is_ok[order])
    state.status[settles] = ACTIVE
    state.trouble[settles] = False
    state.billed_until[settles] = day
    still = owing[state.status[owing] == SUSPENDED]
    over = still[day - state.suspended_on[still] >= parameters.suspended_days]
    end(state, over, day, NON_PAYMENT)
    # Before history starts nobody is suspended: the dump would hold a state whose cause it does not show.
    suspends = gives_up[state.status[gives_up] == ACTIVE] if day >= 0 else gives_up[:0]
    state.status[suspends] = SUSPENDED
    state.suspended_on[suspends] = day
    return payments, np.concatenate([settles, over, suspends])


def end(state: State, rows: Ints, day: int, reason: Ints | int) -> None:
    """End subscriptions today."""
    state.status[rows] = ENDED
    state.ended[rows] = day
    state.reason[rows] = reason


def forget_open_bills(state: State, rows: Ints) -> None:
    """Bills from before a system's history are not in any file, so nothing may pay them."""
    state.attempt_on[rows] = NEVER
