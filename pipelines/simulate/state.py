"""What each line is going through on a day: the latent and visible states that later raise its hazard."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pipelines.simulate.population import BINDING_DAYS, PREPAID, Bools, Floats, Ints, Lines

NEVER = 1_000_000
ACTIVE, SUSPENDED, ENDED = range(3)
NONE, NETWORK, BILLING, OTHER = range(4)  # what an open problem is about


@dataclass(frozen=True)
class State:
    """Struct of arrays, one element per line, changed in place day by day."""

    status: Ints
    ended: Ints  # day, or NEVER
    reason: Ints  # index into END_REASONS
    gone_silent: Bools  # a prepaid line whose user has left without telling
    last_use: Ints
    silent_on: Ints  # day a prepaid line's silence reached 45 days, or NEVER
    suspended_on: Ints
    # billing
    price: Ints
    products: Bools  # [line, product]
    since: Ints  # [line, product]: day from which the product is or was last held
    binding: Ints  # number of the binding period, from 1
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
    # care
    problem: Ints
    contact_on: Ints
    unresolved: Floats  # fading counts
    complaints: Floats

    def head(self, count: int) -> State:
        """Views of the first lines: writing into them writes into the whole."""
        return State(**{field.name: getattr(self, field.name)[:count] for field in fields(self)})


def initial(lines: Lines, first_day: int) -> State:
    """Everyone well: the days before the start of history are simulated to bring the states to their usual shares."""
    n = len(lines)
    length = np.maximum(BINDING_DAYS[lines.contract], 1)
    binding = np.where(BINDING_DAYS[lines.contract] > 0, np.maximum(first_day - lines.started, 0) // length + 1, 0)

    def whole(value: int) -> Ints:
        return np.full(n, value, dtype=np.int64)

    def real(value: float) -> Floats:
        return np.full(n, value, dtype=np.float64)

    def no() -> Bools:
        return np.zeros(n, dtype=bool)

    return State(
        status=whole(ACTIVE), ended=whole(NEVER), reason=whole(0), gone_silent=no(),
        last_use=np.maximum(lines.started, first_day) - 1, silent_on=whole(NEVER), suspended_on=whole(NEVER),
        price=lines.price.copy(), products=lines.products.copy(),
        since=np.repeat(lines.started[:, None], lines.products.shape[1], axis=1),
        binding=binding, rise=real(0), rise_on=whole(-NEVER), trouble=no(), failed=real(0),
        billed_until=np.maximum(lines.started, first_day), invoice=whole(-NEVER), owed=whole(0), attempts=whole(0),
        attempt_on=whole(NEVER), declining=no(), engagement=real(1), away_until=whole(-NEVER),
        calls=real(60), dropped=real(0.4), problem=whole(NONE), contact_on=whole(NEVER),
        unresolved=real(0), complaints=real(0),
    )


def binding_end(lines: Lines, state: State) -> Ints:
    """Last day of the running binding period; NEVER without one."""
    length = BINDING_DAYS[lines.contract]
    return np.where(length > 0, lines.started + state.binding * length - 1, NEVER)


def prepaid(lines: Lines) -> Bools:
    return np.equal(lines.contract, PREPAID)
