"""Who the operator's lines are: those there when history starts, and those activated on each later day."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipelines.landing.contract import CONTRACT_TYPES, PRODUCTS
from pipelines.simulate.parameters import PRICES, Parameters
from pipelines.simulate.streams import stream

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PREPAID, MONTHLY, YEAR, TWO_YEARS = range(len(CONTRACT_TYPES))
BINDING_DAYS = np.array([0, 0, 365, 730])
REGIONS = ("north", "south", "east", "west", "centre")
PAY_BY = ("bank_transfer", "credit_card", "electronic_check", "mailed_check", "top_up")
PRICE = np.array([PRICES[code] for code in PRODUCTS])
VOICE, LINES, DATA, DSL, FIBER = range(5)  # positions in PRODUCTS; the rest are add-ons


@dataclass(frozen=True)
class Lines:
    """Struct of arrays, one element per line, in order of activation. Days count from the start of history."""

    account: Ints  # index of the account; lines of one business share it
    started: Ints  # day, negative for those there at the start
    contract: Ints  # index into CONTRACT_TYPES
    price: Ints  # cents per month
    bill_day: Ints  # of the month, 1..28; prepaid: phase of a 28-day rhythm
    products: Bools  # [line, product of the contract]
    cell: Ints
    data_mb: Floats  # a usual day
    calls: Floats
    sms: Floats
    use: Floats  # probability of any use on a day
    frailty: Floats
    # of the account, the same on every line of it
    is_business: Bools
    is_senior: Bools
    has_partner: Bools
    has_dependents: Bools
    is_paperless: Bools
    payment: Ints  # index into PAY_BY

    def __len__(self) -> int:
        return len(self.started)

    def head(self, count: int) -> Lines:
        """Views of the first lines."""
        return Lines(**{field.name: getattr(self, field.name)[:count] for field in fields(self)})


def lines(seed: int, subscribers: int, stop: int, parameters: Parameters) -> Lines:
    """The lines at the start and the activations of days [0, stop). A longer run has the same first lines."""
    cells = cell_count(subscribers, parameters)
    base = _draw(stream(seed, "base"), subscribers, cells, 0, parameters)
    groups = [_aged(stream(seed, "age"), base)]
    accounts = int(base.account[-1]) + 1
    for day in range(stop):
        rng = stream(seed, "activations", day)
        count = int(rng.poisson(subscribers * parameters.activations_month / 30))
        if count:
            groups.append(_draw(rng, count, cells, accounts, parameters, day))
            accounts = int(groups[-1].account[-1]) + 1
    return _concatenated(groups)


def cell_count(subscribers: int, parameters: Parameters) -> int:
    return max(8, subscribers // parameters.subscribers_per_cell)


def _concatenated(groups: list[Lines]) -> Lines:
    return Lines(**{
        field.name: np.concatenate([getattr(group, field.name) for group in groups]) for field in fields(Lines)
    })


def _draw(
    rng: np.random.Generator, count: int, cells: int, first_account: int, parameters: Parameters, day: int = 0,
) -> Lines:
    """Lines activated on one day; accounts first, their lines take what the account has."""
    account, business = _accounts(rng, count, parameters)
    people = int(account[-1]) + 1
    contract = rng.choice(4, size=count, p=parameters.contract_shares)
    contract = np.where(business & (contract == PREPAID), TWO_YEARS, contract)
    products = _products(rng, contract)
    tier = np.round(rng.gamma(4, 0.25, count) * 8) / 8  # plans come in steps
    price = np.array([PRICES[name] for name in CONTRACT_TYPES])[contract] * (0.6 + 0.4 * tier)
    payment = rng.choice(4, size=people, p=(0.45, 0.2, 0.2, 0.15))[account]
    data_share = products[:, DATA]
    level = rng.lognormal(0, 0.8, count)
    use = np.where(contract == PREPAID, rng.choice((0.85, 0.35), size=count, p=(0.75, 0.25)), 0.97)
    return Lines(
        account=account + first_account,
        started=np.full(count, day),
        contract=contract,
        price=(np.round(price / 100) * 100 - 1).astype(np.int64) + products @ PRICE,
        bill_day=rng.integers(1, 29, count),
        products=products,
        cell=rng.integers(0, cells, people)[account],
        data_mb=np.where(data_share, 350 * level, 0.0),
        calls=3.0 * rng.lognormal(0, 0.5, count),
        sms=rng.gamma(0.7, 1.0, count),
        use=use,
        frailty=rng.normal(0, parameters.hazard.frailty, count),
        is_business=business,
        is_senior=(rng.random(people) < 0.18)[account] & ~business,
        has_partner=(rng.random(people) < 0.5)[account],
        has_dependents=(rng.random(people) < 0.3)[account],
        is_paperless=(rng.random(people) < 0.6)[account],
        payment=np.where(contract == PREPAID, 4, payment),
    )


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


def _aged(rng: np.random.Generator, base: Lines) -> Lines:
    """The base as it stands when history starts: years of tenure behind it."""
    started = -1 - np.minimum(rng.exponential(900, len(base)), 3650).astype(np.int64)
    return Lines(**{**{f.name: getattr(base, f.name) for f in fields(base)}, "started": started})
