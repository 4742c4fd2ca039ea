"""Figures of amounts against numbers worked out by hand, and what the gate makes of an incoherence and an interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.gate import Case, Evaluation, Speed, coherence, decide, money
from pipelines.models import SPECS

GATE = SPECS["ltv"].gate
GOOD = {"spearman": 0.9, "total_bias": 0.01, "abs_total_bias": 0.01, "mae": 1.0, "rmse": 2.0, "interval_coverage": 0.8,
        "gain_over_rivals": 0.4, "incoherent_share": 0.02, "worst_decile_bias": 0.03}
QUICK = Speed(rows_per_second=100_000.0, row_seconds=0.01)


def evidence(**changed: float) -> Evaluation:
    rivals = {name: {"rmse": 3.0} for name in ("billed_x_horizon", "kaplan_meier")}
    return Evaluation(design="by_subscriber", rows=5000, positives=0, metrics={**GOOD, **changed}, baselines=rivals,
                      rows_without_consent=0, rows_outside_region=0,
                      alone={"price_eur": 0.6})


def test_the_right_order_has_a_gini_of_one_and_the_reverse_of_minus_one():
    came = np.array([0.0, 10.0, 20.0, 70.0])
    assert money.normalised_gini(came, came) == pytest.approx(1.0)
    assert money.normalised_gini(came, -came) == pytest.approx(-1.0)
    # In the order 20, 70, 10, 0 the shares add up: .2, .9, 1, 1 against .7, .9, 1, 1.
    told = money.normalised_gini(came, np.array([0.0, 1.0, 3.0, 2.0]))
    assert told == pytest.approx((3.1 / 4 - 5 / 8) / (3.6 / 4 - 5 / 8))


def test_deciles_show_where_the_money_is_wrong():
    predicted = np.arange(100.0)
    came = np.where(predicted >= 90, predicted + 20, predicted)
    table = money.deciles(came, predicted)
    assert [row["n"] for row in table] == [10.0] * 10
    assert [round(row["observed"] - row["predicted"]) for row in table] == [0] * 9 + [20]
    assert money.figures(came, predicted)["worst_decile_bias"] == pytest.approx(20 / came.mean())


def test_the_interval_is_told_by_what_it_held_and_missed():
    came = np.arange(10.0)
    told = money.interval(came, np.full(10, 1.0), np.full(10, 7.0))
    assert told["interval_coverage"] == pytest.approx(0.7)
    assert (told["below_interval"], told["above_interval"]) == (pytest.approx(0.1), pytest.approx(0.2))
    assert np.isnan(money.interval(came, np.full(10, np.nan), came)["interval_coverage"])


def test_intervals_resample_subscribers_and_hold_the_figure():
    random = np.random.default_rng(5)
    who = np.repeat(np.array([f"s{number}" for number in range(300)], dtype=object), 4)
    came = np.repeat(random.gamma(2.0, 30.0, 300), 4)
    said = came + np.repeat(random.normal(0, 10, 300), 4)  # one error a subscriber, told four times
    found = money.intervals(came, said, said - 10, said + 10, who, rounds=400, seed=1)
    told = {**money.figures(came, said), **money.interval(came, said - 10, said + 10)}
    for name in ("total_bias", "mae", "rmse", "interval_coverage"):
        assert found[name][0] <= told[name] <= found[name][1]
    error = 10 / np.sqrt(300)  # of the mean error; rows taken for independent would say half of it
    assert found["mae"][1] - found["mae"][0] == pytest.approx(2 * 1.96 * 0.6 * error, rel=0.25)


def test_only_a_rise_of_both_that_matters_is_two_stories():
    risk = (np.array([0.10, 0.10, 0.10, 0.10]), np.array([0.20, 0.20, 0.05, 0.105]))
    value = (np.array([100.0, 100.0, 100.0, 100.0]), np.array([120.0, 100.5, 120.0, 120.0]))
    assert money.incoherent(risk, value).tolist() == [True, False, False, False]
    assert np.isnan(money.shares({"none": np.zeros(0, dtype=bool)})["none"])


def test_the_gate_passes_good_evidence():
    assert decide(Case(evidence(), None, QUICK), GATE).passed


@pytest.mark.parametrize(("changed", "reason"), [
    ({"incoherent_share": 0.11}, "11.0% of the subscribers rise in churn and in lifetime value without"),
    ({"incoherent_share": float("nan")}, "an unknown share of the subscribers rise"),
    ({"interval_coverage": 0.6}, "interval_coverage is 0.6000; at least 0.75"),
    ({"interval_coverage": 0.97}, "interval_coverage is 0.9700; at most 0.85"),
    ({"gain_over_rivals": -0.01}, "gain_over_rivals is -0.0100; at least 0"),
    ({"abs_total_bias": 0.06}, "abs_total_bias is 0.0600"),
    ({"rmse": 3.5}, "of the kaplan_meier baseline"),
    ({"worst_decile_bias": 0.11}, "worst_decile_bias is 0.1100; at most 0.1"),
])
def test_the_gate_refuses_with_the_reason(changed: dict[str, float], reason: str):
    verdict = decide(Case(evidence(**changed), None, QUICK), GATE)
    assert not verdict.passed
    assert any(reason in told for told in verdict.reasons)


def test_a_model_that_is_read_beside_no_other_has_no_coherence_check():
    alone = replace(GATE, max_incoherent_share=None)
    names = [check.name for check in decide(Case(evidence(), None, QUICK), alone).checks]
    assert "coherence" not in names
    assert coherence(0.10, 0.10).passed
