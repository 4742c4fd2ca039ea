"""The heads find a planted hazard and margin; the interval covers what it says; the prepaid rule pays less."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle as bundles
from pipelines import valuation
from pipelines.errors import NotEnoughData
from pipelines.models import SPECS
from pipelines.training.value import coherence, evidence, heads, periods

LTV = SPECS["ltv"]
SPEC = replace(LTV, parameters=MappingProxyType({
    **LTV.parameters, "folds": 2, "hazard": {**LTV.parameters["hazard"], "max_rounds": 80},
}))
COLUMNS = ["contract_type", "price_eur", "margin_eur_30d", "contacts_30d"]
RISES = 0.4  # EUR a step of four weeks
LEAVES = {"prepaid": 0.10, "12m": 0.03}  # per step


def world(people: int = 2000, weeks: int = 21, seed: int = 1) -> periods.History:
    """Everybody's hazard is that of their contract; the price rises for all, and margin is price - 8 with noise."""
    random = np.random.default_rng(seed)
    contract = random.choice(["prepaid", "12m"], people, p=[0.3, 0.7])
    price = random.uniform(15, 60, people)
    weekly = 1 - (1 - np.array([LEAVES[one] for one in contract])) ** 0.25
    gone = random.geometric(weekly)  # the week in which they leave
    parts = []
    for week in range(weeks):
        here = np.flatnonzero(gone > week)
        now = price[here] + RISES * week / 4
        parts.append(pd.DataFrame({
            "subscriber_id": [f"s{number:05d}" for number in here],
            "event_timestamp": pd.Timestamp("2026-01-05") + pd.Timedelta(weeks=week),
            "is_churned": gone[here] <= week + 4, "contract_type": contract[here], "price_eur": now,
            "margin_eur_30d": now - 8 + random.normal(0, 3, len(here)), "contacts_30d": random.poisson(1, len(here)),
        }))
    return periods.arranged(pd.concat(parts, ignore_index=True), "is_churned")


@pytest.fixture(scope="module")
def told() -> periods.History:
    return world()


@pytest.fixture(scope="module")
def made(told: periods.History) -> heads.Heads:
    categories = bundles.learn_categories(told.frame, COLUMNS)
    matrix = np.asarray(bundles.encode(told.frame, COLUMNS, categories))
    return heads.fit(SPEC, told, matrix, COLUMNS, categories)


def test_the_hazard_of_later_months_is_what_came_of_each_kind_of_contract(told, made):
    rows = np.arange(len(told.frame))
    outlook = made.outlook(rows, np.full(len(rows), 0.05), 6)
    hazard = 1 - outlook.stay[:, 2:] / outlook.stay[:, 1:-1]
    for contract, planted in LEAVES.items():
        mine = (told.frame["contract_type"] == contract).to_numpy()
        assert told.left[mine].mean() == pytest.approx(planted, abs=0.015)
        assert hazard[mine].mean(axis=0) == pytest.approx(np.full(5, told.left[mine].mean()), abs=0.015)


def test_month_one_is_what_was_given_and_survival_falls(told, made):
    first = np.linspace(0, 1, len(told.frame))
    outlook = made.outlook(np.arange(len(told.frame)), first, 12)
    assert (outlook.stay[:, 1] == 1 - first).all()
    assert (np.diff(outlook.stay, axis=1) <= 0).all()


def test_the_margin_rises_with_the_list_price_and_is_held_where_nobody_looked(told, made):
    mine = np.flatnonzero((told.frame["contract_type"] == "12m").to_numpy())
    margin = made.outlook(mine, np.full(len(mine), 0.03), 12).margin
    longest = int(made.margin_terms["longest"])
    price = told.frame["price_eur"].to_numpy()[mine]
    steps = np.diff(margin[:, :longest].mean(axis=0))
    assert steps == pytest.approx(np.full(longest - 1, RISES), abs=0.05)
    assert (margin[:, longest:] == margin[:, [longest - 1]]).all()
    # Read two steps later: month one is the price then, less costs.
    assert np.abs(margin[:, 0] - (price + 2 * RISES - 8)).mean() < 0.6


def test_who_is_prepaid_pays_no_price_in_the_silence_before_they_are_counted_as_gone():
    first, later, money = np.array([0.1]), np.full((1, 2), 0.1), np.full((1, 1), 5.0)
    bound = valuation.combined(first, later, money, 3, np.zeros(1), 45)
    prepaid = valuation.combined(first, later, money, 3, np.array([12.0]), 45)
    assert (bound.stay == prepaid.stay).all()
    assert bound.margin.tolist() == [[5.0, 5.0, 5.0]]
    # 45 days after the middle of month one is the end of month two: of (1 + .9) / 2 there, .81 still top up then.
    assert prepaid.margin[0, 0] == pytest.approx(5 - 12 * (1 - 0.81 / 0.95))
    assert (prepaid.margin < 5).all()


def test_nobody_prepaid_and_no_list_price_change_nothing(made):
    terms = {**made.margin_terms, "prepaid": None}
    assert valuation.silent_price(terms, made.matrix, made.columns).tolist() == [0.0] * len(made.matrix)
    unpriced = {**made.margin_terms, "price": "no_such_column"}
    assert (valuation.silent_price(unpriced, made.matrix, made.columns) == 0).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_interval_covers_the_share_it_says_in_every_group(seed: int):
    """Lives drawn from the outlook itself, with a bias and noise that the corrections have to find."""
    random = np.random.default_rng(seed)
    n, months = 8000, 3
    group = np.where(np.arange(n) % 4 == 0, "prepaid", "12m")
    hazard = random.uniform(0.01, 0.25, (n, months))
    outlook = valuation.Outlook(np.hstack([np.ones((n, 1)), np.cumprod(1 - hazard, axis=1)]),
                                np.repeat(random.uniform(5, 60, (n, 1)), months, axis=1))
    left = random.random((n, months)) < hazard
    ends = np.where(left.any(axis=1), left.argmax(axis=1) + random.random(n), months)
    noise = np.where(group == "prepaid", 0.4, 0.1)

    def came() -> np.ndarray:
        return outlook.margin[:, 0] * ends * (0.95 + noise * random.normal(0, 1, n))

    seen = came()
    found, low, high = evidence.conformal(outlook, seen, 0.8, np.arange(n) % 3, group)
    fresh, moved = came(), np.array([found[name] for name in group])
    again = outlook.band(0.0, 0.8, moved)
    for outcome, (bottom, top) in ((seen, (low, high)), (fresh, again)):
        assert (bottom <= outlook.value(0.0)).all()
        assert (top >= outlook.value(0.0)).all()
        for name in ("prepaid", "12m"):
            mine = group == name
            assert ((outcome >= bottom) & (outcome <= top))[mine].mean() == pytest.approx(0.8, abs=0.03)


def test_a_group_nobody_measured_takes_everybodys_correction():
    interval = {"coverage": 0.8, "by": "contract_type", "ends": {"everybody": [0.1, 0.2], "12m": [0.3, 0.4]}}
    frame = pd.DataFrame({"contract_type": ["12m", "new", None]})
    assert valuation.moves(interval, frame).tolist() == [[0.3, 0.4], [0.1, 0.2], [0.1, 0.2]]
    assert valuation.moves(interval, frame[[]]).tolist() == [[0.1, 0.2]] * 3


def test_a_planted_incoherence_is_measured(told, made):
    before, after = coherence.newest_pair(told)
    assert (told.frame["subscriber_id"].to_numpy()[before] == told.frame["subscriber_id"].to_numpy()[after]).all()
    calm = np.full(len(before), 0.05)
    sides = [(calm, made.outlook(rows, calm, 12)) for rows in (before, after)]
    assert coherence.share(sides[0], sides[1], 0.0064) == 0.0
    # The churn model says that everybody is twice as likely to leave; the value stays on the old story and better.
    hopeful = valuation.Outlook(np.sqrt(sides[1][1].stay), sides[1][1].margin)
    assert coherence.share(sides[0], (calm * 2, hopeful), 0.0064) > 0.99


def test_a_history_of_one_month_is_too_short():
    short = world(people=300, weeks=4)
    categories = bundles.learn_categories(short.frame, COLUMNS)
    matrix = np.asarray(bundles.encode(short.frame, COLUMNS, categories))
    with pytest.raises(NotEnoughData, match="the history shows 1 months of leaving and 0 of margin"):
        heads.fit(SPEC, short, matrix, COLUMNS, categories)
