"""Plans of four levels: what each allows and costs, who moves to a dearer or cheaper one, what to expect of it."""

from __future__ import annotations

import numpy as np

from pipelines.landing.contract import CONTRACT_TYPES
from pipelines.simulate.arrays import Floats, Ints, uniform
from pipelines.simulate.hazard import HORIZON, WINDOW, can_leave, daily
from pipelines.simulate.parameters import LEVELS, PRICES, Parameters
from pipelines.simulate.population import ALPHA, BINDING_DAYS, Lines, prepaid
from pipelines.simulate.state import RISE_DAYS, State, elapsed

UPGRADE_DAYS = 60  # the truth of moves up looks so far ahead
STEPS = np.arange(5, UPGRADE_DAYS, 10)  # days ahead at which the law of the window is evaluated
NAMES = tuple(LEVELS)
LITE, STANDARD, TOP = 0, NAMES.index("standard"), len(NAMES) - 1
ALLOWANCE_MB = np.array([gigabytes for _, gigabytes in LEVELS.values()], np.float32) * 1000
# Minor units per month [operator, contract, level]; bravo is cheaper, and both end on 99.
LIST = np.round(
    np.array([1.0, 0.85])[:, None, None] * np.array([PRICES[name] for name in CONTRACT_TYPES])[:, None]
    * np.array([factor for factor, _ in LEVELS.values()]) / 100
).astype(np.int64) * 100 - 1


def suffix(level: int) -> str:
    """What a level adds to a plan's code: nothing for the standard one."""
    return "" if level == STANDARD else NAMES[level]


def logits(lines: Lines, state: State, day: int, parameters: Parameters, ahead: float = 0) -> tuple[Floats, Floats]:
    """Monthly log-odds of a move to the next dearer and to the next cheaper plan; minus infinity where there is none.

    Everything in them can be seen: data used against the plan's allowance, tenure, the end of the binding period, kind
    of contract, price rises. With `ahead`, clocks and memories stand as that many quiet days later.
    """
    p, when = parameters.plans, np.float32(day + ahead)
    used = lines.data_mb * lines.use * state.engagement * np.float32(30) / ALLOWANCE_MB[state.level]
    left = state.bound_until - when
    left = np.where(left < 0, left + BINDING_DAYS[lines.contract], left)  # who stays beyond the end is bound again
    tenure = np.maximum(when - lines.started, 0)
    both = (p.window * (left <= WINDOW) + p.newcomer * (tenure < 90) + p.tenure * np.log1p(tenure / 365)
            + p.prepaid * prepaid(lines))
    up = p.dearer + p.near * np.clip((used - 0.6) / 0.6, 0, 1.5) + both
    rise = elapsed(state.rise, ahead, RISE_DAYS)
    down = p.cheaper + p.idle * np.clip((0.3 - used) / 0.3, 0, 1) + p.rise * rise + both
    return np.where(state.level == TOP, -np.inf, up), np.where(state.level == LITE, -np.inf, down)


def move(rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters) -> Ints:
    """Draw today's moves, one level each; the price follows by the difference of the list. Returns the lines."""
    may = can_leave(lines, state, day)
    up, down = (daily(one) * may for one in logits(lines, state, day, parameters))
    drawn = uniform(rng, len(lines))
    step = (drawn < up).astype(np.int8) - (drawn > 1 - down).astype(np.int8)
    row = np.flatnonzero(step)
    state.price[row] += _difference(lines, state, step)[row]
    state.level[row] += step[row]
    state.dearer_on[row[step[row] > 0]] = day
    return row


def expected_upgrade(lines: Lines, state: State, day: int, parameters: Parameters) -> Floats:
    """P(moves to a dearer plan in [day, day + 60)) of who may and stays, given the states at the start of `day`."""
    kept = np.zeros(len(lines))
    for ahead in STEPS:
        up, _ = logits(lines, state, day, parameters, float(ahead))
        kept += np.log1p(-daily(up)) * (UPGRADE_DAYS / len(STEPS))
    return np.where(can_leave(lines, state, day), 1 - np.exp(kept), 0.0)


def drift(lines: Lines, state: State, day: int, parameters: Parameters) -> Floats:
    """Expected change of the price by moves, minor units per 30 days."""
    up, down = (daily(one) * HORIZON for one in logits(lines, state, day, parameters))
    ones = np.ones(len(lines), np.int8)
    return np.asarray(up * _difference(lines, state, ones) + down * _difference(lines, state, -ones))


def _difference(lines: Lines, state: State, step: Ints) -> Ints:
    """What a step from each line's plan changes in the list price; nothing beyond the first and the last."""
    listed = LIST[(lines.operator != ALPHA).astype(np.int8), lines.contract]
    line, level = np.arange(len(lines)), np.clip(state.level + step, LITE, TOP)
    return np.asarray(listed[line, level] - listed[line, state.level])
