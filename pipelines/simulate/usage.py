"""One day on the network: who uses how much, and how many calls the cells lose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.arrays import Bools, Floats, Ints, some, uniform
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import PREPAID, Lines
from pipelines.simulate.state import ACTIVE, CALL_DAYS, MOOD_DAYS, QUALITY_DAYS, State, elapsed


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


def experienced(lines: Lines, severity: Floats, weekday: int) -> Floats:
    """What the radio is like for each line today: the severity of its cells, weighted by where it is used."""
    share = lines.weekend if weekday >= 5 else lines.share
    felt = severity[lines.cell[0]] * share[0]
    for place in (1, 2):
        felt += severity[lines.cell[place]] * share[place]
    return np.asarray(felt * np.float32(0.01))


def use(
    rng: np.random.Generator, lines: Lines, state: State, day: int, weekday: int, bad: Floats, parameters: Parameters,
    season: float = 1.0,
) -> UsageDay:
    """Draw the day's usage and carry it into the states. `season` multiplies data and calls."""
    n = len(lines)
    _moods(rng, lines, state, day, parameters)
    able = (state.status == ACTIVE) & ~state.gone_silent & (state.away_until <= day) & (lines.started <= day)
    row = np.flatnonzero(able & (uniform(rng, n) < lines.use * (np.float32(0.4) + np.float32(0.6) * state.engagement)))
    rhythm = np.array([1.2, 0.45] if weekday >= 5 else [0.92, 1.15], np.float32)[lines.is_business[row].view(np.int8)]
    level = state.engagement[row] * rhythm * np.float32(season)
    count, felt = len(row), bad[row]
    noise = np.exp(rng.standard_normal(count, dtype=np.float32) * np.float32(0.5) - np.float32(0.125))
    data = (lines.data_mb[row] * level * noise * (1 - np.float32(0.25) * felt) * 1024).astype(np.int64)
    calls = rng.poisson(lines.calls[row] * level)
    # A call lost is rare: its Poisson number, at most all, is drawn in a fifth of a binomial's time.
    lost = np.minimum(rng.poisson(calls * (parameters.drop_ratio + parameters.drop_ratio_bad * felt)), calls)
    talk = (calls * rng.standard_gamma(1.3, count, dtype=np.float32) * 110).astype(np.int64)
    sms = rng.poisson(lines.sms[row] * level)
    roaming = np.zeros(count, dtype=np.int64)
    abroad = some(rng, count, 0.012)
    roaming[abroad] = data[abroad] * rng.uniform(0.2, 1.0, len(abroad))
    state.calls[:] = elapsed(state.calls, 1, CALL_DAYS)
    state.dropped[:] = elapsed(state.dropped, 1, CALL_DAYS)
    state.quality[:] += (bad - state.quality) * np.float32(1 - np.exp(-1 / QUALITY_DAYS))
    state.calls[row] += calls
    state.dropped[row] += lost
    seen = (data > 0) | (calls > 0) | (sms > 0)
    if not seen.all():
        row, data, talk, sms, calls, lost, roaming = (
            values[seen] for values in (row, data, talk, sms, calls, lost, roaming))
    state.last_use[row] = day
    return UsageDay(row, data, np.minimum(talk, 80_000), sms, calls, lost, roaming)


def _moods(rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters) -> None:
    """Declines of usage begin and end; prepaid users go away for a while and come back."""
    n = len(lines)
    begins, ends = some(rng, n, parameters.decline_start), some(rng, n, parameters.decline_end)
    state.declining[ends] = False
    state.declining[begins] = True
    goal = np.where(state.declining, np.float32(parameters.decline_floor), np.float32(1))
    state.engagement[:] += (goal - state.engagement) / np.float32(MOOD_DAYS)
    leaves = some(rng, n, parameters.away_start)
    leaves = leaves[(lines.contract[leaves] == PREPAID) & (state.away_until[leaves] <= day)]
    state.away_until[leaves] = day + 1 + rng.exponential(parameters.away_days, len(leaves)).astype(np.int32)


def traffic(lines: Lines, used: UsageDay, weekday: int, cells: int) -> tuple[Floats, Floats]:
    """(data kB, calls) carried by every cell today."""
    share = lines.weekend if weekday >= 5 else lines.share
    data, calls = np.zeros(cells), np.zeros(cells)
    for place in range(3):
        cell, part = lines.cell[place][used.line], share[place][used.line] * np.float32(0.01)
        data += np.bincount(cell, weights=used.data_kb * part, minlength=cells)
        calls += np.bincount(cell, weights=used.calls * part, minlength=cells)
    return data, calls


def silent_days(state: State, day: int) -> Ints:
    return np.asarray(day - state.last_use)


def silenced(lines: Lines, state: State, day: int) -> tuple[Bools, Ints]:
    """Open prepaid lines, and their days of silence."""
    is_open = (lines.contract == PREPAID) & (state.status == ACTIVE) & (lines.started <= day)
    return np.asarray(is_open), silent_days(state, day)
