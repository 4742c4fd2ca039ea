"""What each line is going through on a day: the latent and visible states that later raise its hazard."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pipelines.simulate.arrays import Bools, Floats, Ints, mixed
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import BINDING_DAYS, Lines
from pipelines.simulate.streams import stream
from pipelines.simulate.words import own_number

NEVER = 1_000_000
ACTIVE, SUSPENDED, ENDED = range(3)
NONE, NETWORK, BILLING, OTHER = range(4)  # what an open problem is about

RISE_DAYS, FAILED_DAYS, CARE_DAYS, CALL_DAYS, QUALITY_DAYS, MOOD_DAYS = 45, 60, 40, 30, 25, 18


@dataclass(frozen=True)
class State:
    """Struct of arrays, the last axis one element per line, changed in place day by day."""

    status: Ints
    ended: Ints  # day, or NEVER
    reason: Ints  # index into END_REASONS
    gone_silent: Bools  # a prepaid line whose user has left without telling
    last_use: Ints
    silent_on: Ints  # day a prepaid line's silence reached 45 days, or NEVER
    suspended_on: Ints
    number: Ints  # MSISDN as a whole number
    swaps: Ints  # SIMs so far
    # billing
    level: Ints  # of the plan, index into LEVELS
    dearer_on: Ints  # day of the newest move to a dearer plan, or -NEVER
    price: Ints
    products: Ints  # bits
    since: Ints  # [product, line]: day from which the product is or was last held
    bound_until: Ints  # last day of the running binding period; NEVER without one
    rise: Floats  # fading memory of price rises, in units of 10 %
    rise_on: Ints
    trouble: Bools
    failed: Floats  # fading count of failed payments
    billed_until: Ints
    invoice: Ints  # day the newest invoice was issued, or -NEVER
    owed: Ints
    attempts: Ints
    attempt_on: Ints
    # network
    declining: Bools
    engagement: Floats  # 1: uses as ever
    away_until: Ints
    calls: Floats  # fading sums with a mean of 30 days
    dropped: Floats
    quality: Floats  # fading mean of the experienced severity
    # care
    problem: Ints
    contact_on: Ints
    unresolved: Floats  # fading counts
    complaints: Floats
    # governance
    consents: Ints  # bits by position in PURPOSES
    is_erased: Bools
    contacted_on: Ints
    drawn_on: Ints
    effect: Floats  # of the newest contact, without the line's own reaction
    # truth
    hazard: Floats  # cumulated since history began
    margin: Floats  # cumulated and discounted to the first day, minor units of the house

    def head(self, count: int) -> State:
        """Views of the first lines: writing into them writes into the whole."""
        return State(**{field.name: getattr(self, field.name)[..., :count] for field in fields(self)})

    def take(self, rows: Ints) -> State:
        """Copies of some lines."""
        return State(**{field.name: getattr(self, field.name)[..., rows] for field in fields(self)})


def initial(lines: Lines, first_day: int, seed: int, parameters: Parameters) -> State:
    """Lines of later days begin well; those there at the start are drawn from the states' stationary laws.

    What has no simple law (contacts, dropped calls) finds its level in the days before history.
    """
    n, base = len(lines), int(np.searchsorted(lines.started >= 0, True))
    length = BINDING_DAYS[lines.contract]
    age = np.maximum(first_day - lines.started, 0)
    bound = np.where(length > 0, lines.started + (age // np.maximum(length, 1) + 1) * length - 1, NEVER)

    def whole(value: int, kind: type = np.int32) -> Ints:
        return np.full(n, value, dtype=kind)

    def real(value: float) -> Floats:
        return np.full(n, value, dtype=np.float32)

    def no() -> Bools:
        return np.zeros(n, dtype=bool)

    state = State(
        status=whole(ACTIVE, np.int8), ended=whole(NEVER), reason=whole(0, np.int8), gone_silent=no(),
        last_use=np.maximum(lines.started, first_day) - 1, silent_on=whole(NEVER), suspended_on=whole(NEVER),
        number=own_number(np.arange(n)), swaps=whole(0, np.int8),
        level=lines.level.copy(), dearer_on=whole(-NEVER), price=lines.price.copy(), products=lines.products.copy(),
        since=np.repeat(lines.started[None, :].astype(np.int16), 11, axis=0), bound_until=bound.astype(np.int32),
        rise=real(0), rise_on=whole(-NEVER), trouble=no(), failed=real(0),
        billed_until=np.maximum(lines.started, first_day), invoice=whole(-NEVER), owed=whole(0),
        attempts=whole(0, np.int8), attempt_on=whole(NEVER), declining=no(), engagement=real(1),
        away_until=whole(-NEVER), calls=real(60), dropped=real(0.4), quality=real(0), problem=whole(NONE, np.int8),
        contact_on=whole(NEVER), unresolved=real(0), complaints=real(0), consents=whole(0, np.uint8), is_erased=no(),
        contacted_on=whole(-NEVER), drawn_on=whole(-NEVER), effect=real(0), hazard=np.zeros(n), margin=np.zeros(n),
    )
    _stationary(state.head(base), seed, first_day, parameters)
    return state


def _stationary(state: State, seed: int, first_day: int, parameters: Parameters) -> None:
    rng, n = stream(seed, "initial"), len(state.status)
    rise_age = rng.exponential(1 / parameters.price_rise, n)
    state.rise[:] = rng.uniform(0.5, 2.0, n) * np.exp(-rise_age / RISE_DAYS)
    state.rise_on[:] = first_day - 1 - rise_age
    start, end = parameters.trouble_start, parameters.trouble_end
    state.trouble[:] = rng.random(n) < start / (start + end)
    state.failed[:] = np.where(state.trouble, 1.5, 0.06) * rng.exponential(1, n)
    start, end = parameters.decline_start, parameters.decline_end
    state.declining[:] = rng.random(n) < start / (start + end)
    since = rng.exponential(1 / end, n)
    state.engagement[state.declining] = (
        1 - (1 - parameters.decline_floor) * (1 - np.exp(-since[state.declining] / MOOD_DAYS)))
    state.unresolved[:] = rng.exponential(0.25, n) * (mixed(seed, 2, np.arange(n)) % 3 == 0)


def elapsed(memory: Floats, days: float, mean: int) -> Floats:
    """A fading memory after so many quiet days."""
    return memory * np.float32(np.exp(-days / mean))
