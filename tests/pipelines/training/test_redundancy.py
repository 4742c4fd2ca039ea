"""`total = tenure x charge` and its kind: named, and refused only when what is left of it tells the label."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.gate import Case, Evaluation, decide
from pipelines.models import SPECS
from pipelines.training import leakage, redundancy
from pipelines.training.recipe import Rows

COUNT = 6000
DRAW = np.random.default_rng(5)
LEFT = (DRAW.random(COUNT) < 0.2).astype(float)
TENURE = DRAW.integers(1, 73, COUNT).astype(float)
CHARGE = DRAW.uniform(18, 118, COUNT)
NOISE = DRAW.normal(size=COUNT)


def rows(total: np.ndarray, **more: np.ndarray) -> Rows:
    named = {"tenure": TENURE, "charge": CHARGE, "noise": NOISE, "total": total, **more}
    subscriber = np.array([f"s{row}" for row in range(COUNT)], dtype=object)
    return Rows(np.column_stack(list(named.values())).astype("float32"), LEFT, subscriber, tuple(named))


def found(told: Rows) -> dict[str, redundancy.Derived]:
    return {one.feature: one for one in redundancy.derived(told, set(), seed=1)}


@pytest.mark.parametrize("scale", [1.0, 0.01, 1.3])
def test_a_total_is_named_with_what_it_is_made_of_and_neither_part_is(scale: float) -> None:
    told = found(rows(5 + scale * (TENURE * CHARGE + 3 * NOISE)))
    assert set(told) == {"total"}
    assert told["total"].told == "tenure x charge"
    assert 0.999 < told["total"].r2 <= 1


def test_a_ratio_is_read_as_the_product_it_comes_from() -> None:
    assert {one.told for one in found(rows(CHARGE / TENURE)).values()} == {"tenure x total"}


def test_missing_values_hide_nothing() -> None:
    total = np.where(DRAW.random(COUNT) < 0.5, np.nan, TENURE * CHARGE)
    assert set(found(rows(total))) == {"total"}


@pytest.mark.parametrize("total", [
    TENURE * CHARGE + 400 * NOISE,                 # mostly it, and much of its own
    2 * TENURE,                                    # a copy needs no second
    NOISE ** 2,
    np.full(COUNT, 3.0),
    np.where(np.arange(COUNT) < 10, 1.0, 0.0),     # nearly always nothing
])
def test_what_is_not_made_of_two_others_is_not_named(total: np.ndarray) -> None:
    assert found(rows(total)) == {}


def alone(told: Rows) -> dict[str, float]:
    derived = redundancy.derived(told, set(), seed=1)
    return leakage.alone(told, set(), seed=1) | leakage.beyond(told, derived, seed=1)


def test_F46_a_total_that_went_on_counting_is_refused_by_name_though_it_looks_innocent_alone() -> None:
    """Written down at the end of the month: who stayed was billed once more."""
    told = alone(rows(TENURE * CHARGE + np.where(LEFT == 1, 0, CHARGE) + NOISE))
    assert told["total"] < 0.6
    assert told["total beyond tenure x charge"] > 0.9
    reasons = refused(told)
    assert any("total beyond tenure x charge" in reason for reason in reasons), reasons


def test_an_honest_total_is_no_leak() -> None:
    told = alone(rows(TENURE * CHARGE + 20 * NOISE))
    assert abs(told["total beyond tenure x charge"] - 0.5) < 0.06
    assert not any("leakage" in reason for reason in refused(told))


def refused(told: dict[str, float]) -> tuple[str, ...]:
    metrics = {"auc": 0.8, "ece": 0.01, "log_loss": 0.1}
    rivals = {"constant": {"log_loss": 0.2}, "logistic": {"auc": 0.7}}
    evaluation = Evaluation("out_of_time", 10_000, 1000, metrics, rivals, alone=told)
    return decide(Case(evaluation), SPECS["churn"].gate).reasons
