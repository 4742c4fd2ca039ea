"""One day at the care desk: problems arise out of radio, bills and life; unresolved ones come back as contacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import Bools, Floats, Ints, Lines
from pipelines.simulate.state import BILLING, ENDED, NETWORK, NEVER, NONE, OTHER, State

MEMORY = np.exp(-1 / 40)
TOPICS = ("other", "network", "billing", "contract", "device")  # by problem code, then small talk
CHANNELS = ("call", "chat", "ticket")


@dataclass(frozen=True)
class CareDay:
    """Contacts of one day, in line order; seconds are counted from midnight UTC."""

    line: Ints
    topic: Ints  # index into TOPICS
    channel: Ints  # index into CHANNELS
    second: Ints
    is_resolved: Bools
    is_complaint: Bools
    wait_seconds: Ints
    text: Ints  # a draw that picks the free text


def contact(
    rng: np.random.Generator, lines: Lines, state: State, day: int, weekday: int, severity: Floats,
    failed_today: Bools, parameters: Parameters,
) -> CareDay:
    """Draw the day's contacts and carry them into the states."""
    n = len(lines)
    served = (state.status != ENDED) & ~state.gone_silent & (lines.started <= day)
    _new_problems(rng, lines, state, day, severity, failed_today, served, parameters)
    due = served & (state.problem != NONE) & (state.contact_on <= day)
    chat = served & ~due & (rng.random(n) < parameters.small_talk)
    topic = np.where(due, np.where(state.problem == OTHER, 0, state.problem), rng.integers(3, 5, n))
    resolved = rng.random(n) < np.where(due, parameters.solved, 0.95)
    complains = ~resolved & (rng.random(n) < np.where(due, 0.12 + 0.2 * np.minimum(state.unresolved, 2), 0.02))
    wait = rng.gamma(1.5, 90 + 60 * (weekday == 0), n).astype(np.int64)
    channel = rng.choice(3, size=n, p=(0.55, 0.3, 0.15))
    second = rng.integers(7 * 3600, 19 * 3600, n)
    text = rng.integers(0, 1 << 30, n)
    again = day + rng.integers(4, 15, n)

    state.unresolved[:] = state.unresolved * MEMORY + (due & ~resolved)
    state.complaints[:] = state.complaints * MEMORY + complains
    state.contact_on[:] = np.where(due, np.where(resolved, NEVER, again), state.contact_on)
    state.problem[due & resolved] = NONE
    row = np.flatnonzero(due | chat)
    return CareDay(
        row, topic[row], channel[row], second[row], resolved[row], complains[row], wait[row], text[row],
    )


def _new_problems(
    rng: np.random.Generator, lines: Lines, state: State, day: int, severity: Floats, failed_today: Bools,
    served: Bools, parameters: Parameters,
) -> None:
    n = len(lines)
    radio = parameters.problem_radio * severity[lines.cell]
    bills = parameters.problem_failed * failed_today + parameters.problem_rise * (day - state.rise_on < 10)
    draw = rng.random(n)
    free = served & (state.problem == NONE)
    kind = np.select(
        [draw < radio, draw < radio + bills, draw < radio + bills + parameters.problem],
        [NETWORK, BILLING, OTHER], NONE,
    )
    new = free & (kind != NONE)
    state.problem[new] = kind[new]
    state.contact_on[new] = day + rng.integers(0, 4, n)[new]
