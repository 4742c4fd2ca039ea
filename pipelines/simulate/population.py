"""Who the lines are: those of both operators when history starts, and those activated on each later day."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pipelines.landing.contract import CONTRACT_TYPES, PRODUCTS
from pipelines.simulate.arrays import Bools, Floats, Ints
from pipelines.simulate.parameters import FIRST_LEVEL, PRICES, Parameters
from pipelines.simulate.radio import REGIONS
from pipelines.simulate.streams import stream

OPERATORS = ("alpha", "bravo")
ALPHA, BRAVO = range(2)
PREPAID, MONTHLY, YEAR, TWO_YEARS = range(len(CONTRACT_TYPES))
BINDING_DAYS = np.array([0, 0, 365, 730], dtype=np.int32)
PAY_BY = ("bank_transfer", "credit_card", "electronic_check", "mailed_check", "top_up")
PRICE = np.array([PRICES[code] for code in PRODUCTS])
VOICE, LINES, DATA, DSL, FIBER = range(5)  # positions in PRODUCTS; the rest are add-ons
BITS = 1 << np.arange(len(PRODUCTS), dtype=np.uint16)
INTERNET = BITS[DSL] | BITS[FIBER]
MASK_PRICE = np.array([PRICE[(mask >> np.arange(len(PRODUCTS))) & 1 == 1].sum() for mask in range(2 ** len(PRODUCTS))])


@dataclass(frozen=True)
class Lines:
    """Struct of arrays, the last axis one element per line, in order of activation. Days count from the start of
    history."""

    operator: Ints  # index into OPERATORS
    ordinal: Ints  # number among the operator's lines
    account: Ints  # number among the operator's accounts; lines of one business share it
    started: Ints  # day, negative for those there at the start
    contract: Ints  # index into CONTRACT_TYPES
    level: Ints  # of the first plan, index into LEVELS
    price: Ints  # minor units per month
    bill_day: Ints  # of the month, 1..28; prepaid: phase of a 28-day rhythm
    products: Ints  # bits by position in PRODUCTS
    cell: Ints  # [3, line]: home, work, a third place
    share: Ints  # [3, line]: of the use on a weekday, hundredths; 0 in the third place: there is none
    weekend: Ints  # [3, line]: of the use at weekends, hundredths
    data_mb: Floats  # a usual day
    calls: Floats
    sms: Floats
    use: Floats  # probability of any use on a day
    extra: Floats  # what a bill with extras has beyond the plan, minor units on average
    frailty: Floats
    reaction: Floats  # the line's own share of a campaign's effect
    # of the account, the same on every line of it
    is_business: Bools
    is_senior: Bools
    has_partner: Bools
    has_dependents: Bools
    is_paperless: Bools
    payment: Ints  # index into PAY_BY

    def __len__(self) -> int:
        return len(self.started)

    @property
    def region(self) -> Ints:
        """Index into REGIONS, of the home cell."""
        return np.asarray(self.cell[0] % len(REGIONS))

    def head(self, count: int) -> Lines:
        """Views of the first lines."""
        return Lines(**{field.name: getattr(self, field.name)[..., :count] for field in fields(self)})

    def take(self, rows: Ints) -> Lines:
        """Copies of some lines."""
        return Lines(**{field.name: getattr(self, field.name)[..., rows] for field in fields(self)})


def prepaid(lines: Lines) -> Bools:
    return np.equal(lines.contract, PREPAID)


def lines(seed: int, subscribers: int, stop: int, cells: int, parameters: Parameters) -> Lines:
    """The lines at the start and the activations of days [0, stop). A longer run has the same first lines."""
    counters = _Counters()
    bravo = round(subscribers * parameters.bravo_share)
    groups = []
    for operator, count in ((ALPHA, subscribers - bravo), (BRAVO, bravo)):
        if count:
            base = _draw(stream(seed, f"base {operator}"), count, cells, operator, counters, parameters)
            rng = stream(seed, f"age {operator}")
            # The base as it stands when history starts: years of tenure behind it.
            base.started[:] = -1 - np.minimum(rng.exponential(900, count), 3650)
            groups.append(base)
    for day in range(stop):
        rng = stream(seed, "activations", day)
        for operator, base_size in ((ALPHA, subscribers - bravo), (BRAVO, bravo)):
            count = int(rng.poisson(base_size * parameters.activations_month / 30))
            if count:
                groups.append(_draw(rng, count, cells, operator, counters, parameters, day))
    return Lines(**{
        field.name: np.concatenate([getattr(group, field.name) for group in groups], axis=-1) for field in fields(Lines)
    })


class _Counters:
    """Lines and accounts numbered so far, by operator."""

    def __init__(self) -> None:
        self.lines = [0, 0]
        self.accounts = [0, 0]


def _draw(
    rng: np.random.Generator, count: int, cells: int, operator: int, counters: _Counters, parameters: Parameters,
    day: int = 0,
) -> Lines:
    """Lines activated on one day; accounts first, their lines take what the account has."""
    account, business = _accounts(rng, count, parameters)
    people = int(account[-1]) + 1
    contract = rng.choice(4, size=count, p=parameters.contract_shares)
    contract = np.where(business & (contract == PREPAID), TWO_YEARS, contract)
    held = _products(rng, contract)
    tier = np.round(rng.gamma(4, 0.25, count) * 8) / 8  # plans come in steps
    price = np.array([PRICES[name] for name in CONTRACT_TYPES])[contract] * (0.6 + 0.4 * tier)
    price *= 1 if operator == ALPHA else 0.85
    cell, share, weekend = _places(rng, account, people, cells)
    use = np.where(contract == PREPAID, rng.choice((0.85, 0.35), size=count, p=(0.75, 0.25)), 0.97)
    columns = {
        "operator": np.full(count, operator, np.int8),
        "ordinal": np.arange(count, dtype=np.int32) + counters.lines[operator],
        "account": (account + counters.accounts[operator]).astype(np.int32),
        "started": np.full(count, day, np.int32), "contract": contract.astype(np.int8),
        "level": np.searchsorted(FIRST_LEVEL, tier).astype(np.int8),
        "price": (np.round(price / 100) * 100 - 1 + held @ PRICE).astype(np.int32),
        "bill_day": rng.integers(1, 29, count).astype(np.int8), "products": (held @ BITS).astype(np.uint16),
        "cell": cell, "share": share, "weekend": weekend,
        "data_mb": np.where(held[:, DATA], 350 * rng.lognormal(0, 0.8, count), 0),
        "calls": 3 * rng.lognormal(0, 0.5, count),
        "sms": rng.gamma(0.7, 1.0, count), "use": use, "extra": 450 * rng.lognormal(-0.18, 0.6, count),
        "frailty": rng.normal(0, parameters.hazard.frailty, count),
        "reaction": rng.normal(0, parameters.campaigns.reaction, count), "is_business": business,
        "is_senior": (rng.random(people) < 0.18)[account] & ~business,
        "has_partner": (rng.random(people) < 0.5)[account], "has_dependents": (rng.random(people) < 0.3)[account],
        "is_paperless": (rng.random(people) < 0.6)[account],
        "payment": np.where(
            contract == PREPAID, 4, rng.choice(4, size=people, p=(0.45, 0.2, 0.2, 0.15))[account]).astype(np.int8),
    }
    counters.lines[operator] += count
    counters.accounts[operator] += people
    return Lines(**{
        name: values.astype(np.float32) if values.dtype == np.float64 else values for name, values in columns.items()
    })


def _accounts(rng: np.random.Generator, count: int, parameters: Parameters) -> tuple[Ints, Bools]:
    """Account index per line, and whether it is a business; a business has two to eight lines."""
    business = rng.random(count) < parameters.business_share / 4.0
    size = np.where(business, rng.integers(2, 9, count), 1)
    account = np.repeat(np.arange(count), size)[:count]
    return account, business[account]


def _products(rng: np.random.Generator, contract: Ints) -> Bools:
    count = len(contract)
    held = np.zeros((count, len(PRODUCTS)), dtype=bool)
    postpaid = contract != PREPAID
    held[:, VOICE] = True
    held[:, LINES] = postpaid & (rng.random(count) < 0.15)
    held[:, DATA] = rng.random(count) < 0.93
    internet = rng.random(count)
    held[:, DSL] = postpaid & (internet < 0.18)
    held[:, FIBER] = postpaid & (internet > 0.80)
    held[:, FIBER + 1:] = (held[:, DSL] | held[:, FIBER])[:, None] & (rng.random((count, 6)) < 0.3)
    return held


def _places(rng: np.random.Generator, account: Ints, people: int, cells: int) -> tuple[Ints, Ints, Ints]:
    """Cells and shares [3, line]. People of one account live in one cell; work and leisure lie in the same region
    mostly. One line in four is known in two places only."""
    count, step = len(account), len(REGIONS)
    home = rng.integers(0, cells, people)[account]
    # A step of five stays in the region. The third place is never one of the other two.
    work = (home + step * rng.integers(1, cells // step, count)) % cells
    third = (home + rng.integers(1, cells, count)) % cells
    third = np.where(third == work, (third + 1) % cells, third)
    first = 45 + 30 * rng.random(count)
    second = (100 - first) * (0.55 + 0.25 * rng.random(count))
    rest = np.minimum((100 - first - second) * 0.8, second)
    has_third = (rng.random(count) < 0.75) & (third != home)
    share = np.stack([first, second, np.where(has_third, rest, 0)]).astype(np.uint8)
    moved = share[1] // 3
    weekend = np.stack([share[0] + moved, np.maximum(share[1] - moved, share[2]), share[2]]).astype(np.uint8)
    return np.stack([home, work, third]).astype(np.int32), share, weekend
