"""One day on the network: who uses how much, and how many calls the cell loses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import Bools, Floats, Ints, Lines
from pipelines.simulate.state import ACTIVE, State, prepaid

MEMORY = np.exp(-1 / 30)


@dataclass(frozen=True)
class UsageDay:
    """Rows of one day: only lines with any use; `line` indexes the population."""

    line: Ints
    data_kb: Ints
    voice_seconds: Ints
    sms: Ints
    calls: Ints
    dropped: Ints
    roaming_kb: Ints


def use(
    rng: np.random.Generator, lines: Lines, state: State, day: int, weekday: int, severity: Floats,
    parameters: Parameters,
) -> UsageDay:
    """Draw the day's usage and carry it into the states (last use, fading sums of calls and drops)."""
    n = len(lines)
    _moods(rng, lines, state, day, parameters)
    chance = lines.use * (0.4 + 0.6 * state.engagement)
    able = (state.status == ACTIVE) & ~state.gone_silent & (state.away_until <= day) & (lines.started <= day)
    uses: Bools = able & (rng.random(n) < chance)
    rhythm = np.where(lines.is_business, 0.45 if weekday >= 5 else 1.15, 1.2 if weekday >= 5 else 0.92)
    level = state.engagement * rhythm
    bad = severity[lines.cell]
    noise = rng.lognormal(-0.125, 0.5, n)
    data = (lines.data_mb * level * noise * (1 - 0.25 * bad) * 1024).astype(np.int64) * uses
    calls = rng.poisson(lines.calls * level * uses)
    lost = rng.binomial(calls, parameters.drop_ratio + parameters.drop_ratio_bad * bad)
    talk = (calls * rng.gamma(1.3, 110, n)).astype(np.int64)
    sms = rng.poisson(lines.sms * level * uses)
    abroad = np.where(rng.random(n) < 0.012, data * rng.uniform(0.2, 1.0, n), 0).astype(np.int64)
    some = uses & ((data > 0) | (calls > 0) | (sms > 0))
    state.last_use[some] = day
    state.calls[:] = state.calls * MEMORY + calls
    state.dropped[:] = state.dropped * MEMORY + lost
    row = np.flatnonzero(some)
    return UsageDay(row, data[row], np.minimum(talk[row], 80_000), sms[row], calls[row], lost[row], abroad[row])


def _moods(rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters) -> None:
    """Declines of usage begin and end; prepaid users go away for a while and come back."""
    n = len(lines)
    draw = rng.random(n)
    begins = ~state.declining & (draw < parameters.decline_start)
    ends = state.declining & (draw < parameters.decline_end)
    state.declining[begins] = True
    state.declining[ends] = False
    goal = np.where(state.declining, parameters.decline_floor, 1.0)
    state.engagement[:] += (goal - state.engagement) / 18
    leaves = prepaid(lines) & (state.away_until <= day) & (rng.random(n) < parameters.away_start)
    trip = 1 + rng.exponential(parameters.away_days, n).astype(np.int64)
    state.away_until[leaves] = day + trip[leaves]
