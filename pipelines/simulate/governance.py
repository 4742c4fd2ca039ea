"""What may be done with whom: consents given and withdrawn, requests to be forgotten, campaigns and their effect."""

from __future__ import annotations

import numpy as np

from pipelines.landing.feeds.governance import PURPOSES
from pipelines.simulate.arrays import Columns, Ints, some, uniform
from pipelines.simulate.hazard import is_free
from pipelines.simulate.parameters import CONSENTS, Parameters
from pipelines.simulate.population import Lines
from pipelines.simulate.state import ACTIVE, ENDED, NEVER, State

OFFERS = ("discount_10", "data_bonus", "loyalty_gift")
CHANNELS = ("call", "sms", "email", "app")
CONTACTED, CONTROL = range(2)


def consent(
    rng: np.random.Generator, lines: Lines, state: State, day: int, told: Ints, parameters: Parameters,
) -> Columns:
    """Consents of the lines told of for the first time today, and what others change their mind about."""
    parts = []
    state.consents[told] = 0
    for place, name in enumerate(PURPOSES):
        says = told[uniform(rng, len(told)) < CONSENTS[name]]
        state.consents[says] |= 1 << place
        parts.append((says, np.full(len(says), place), np.ones(len(says), dtype=bool), np.zeros(len(says), int)))
    minds = some(rng, len(lines), parameters.consent_change)
    # A line told of today does not change its mind today: one state per purpose and moment.
    minds = minds[(state.status[minds] != ENDED) & (lines.started[minds] < day) & ~np.isin(minds, told)]
    purpose = rng.integers(0, len(PURPOSES), len(minds))
    state.consents[minds] ^= (1 << purpose).astype(np.uint8)
    granted = state.consents[minds] >> purpose & 1 == 1
    parts.append((minds, purpose, granted, rng.integers(1, 4, len(minds))))
    line, what, is_granted, channel = (np.concatenate(values) for values in zip(*parts, strict=True))
    order = np.lexsort((what, line))
    return {name: values[order] for name, values in
            {"line": line, "purpose": what, "is_granted": is_granted, "channel": channel}.items()}


def erase(rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters) -> Columns:
    """Requests to be forgotten: mostly from those who have left, each line once."""
    rows = some(rng, len(lines), parameters.erasure)
    gone = (state.status[rows] == ENDED) & (state.ended[rows] < day)
    asks = ~state.is_erased[rows] & (lines.started[rows] < day) & (gone | (rng.random(len(rows)) < 0.4))
    rows = rows[asks]
    state.is_erased[rows] = True
    return {"line": rows, "second": rng.integers(8 * 3600, 18 * 3600, len(rows))}


def campaign(rng: np.random.Generator, lines: Lines, state: State, day: int, parameters: Parameters) -> Columns | None:
    """Every four weeks: draw lines at random, hold a share of them out at random, contact the others.

    The effect that contact has, or would have, is fixed here from what is known of the line today.
    """
    c = parameters.campaigns
    if day < c.first_day or (day - c.first_day) % c.every_days:
        return None
    number = (day - c.first_day) // c.every_days
    rows = some(rng, len(lines), c.share)
    fit = (state.status[rows] == ACTIVE) & (lines.started[rows] < day - 30) & (state.drawn_on[rows] < day - c.rest_days)
    rows = rows[fit]
    arm = np.where(rng.random(len(rows)) < c.control, CONTROL, CONTACTED)
    some_lines, some_state = lines.take(rows), state.take(rows)
    left = some_state.bound_until - day
    effect = (
        c.effect + c.effect_free * is_free(some_lines, some_state, day)
        + c.effect_bound * ((left > 90) & (left < NEVER // 2))
        + c.effect_unresolved * np.minimum(some_state.unresolved, 2)
    ).astype(np.float32)
    contacted = rows[arm == CONTACTED]
    state.drawn_on[rows] = day
    state.contacted_on[contacted] = day
    state.effect[contacted] = effect[arm == CONTACTED]
    return {
        "line": rows, "campaign": np.full(len(rows), number), "arm": arm, "effect": effect,
        "channel": rng.integers(0, len(CHANNELS), len(rows)), "second": rng.integers(9 * 3600, 17 * 3600, len(rows)),
    }
