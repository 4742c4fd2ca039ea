"""The paired bootstrap against what repeated samples do, and calibration against an independent regression."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.gate import metrics
from pipelines.gate.bootstrap import paired_bounds, paired_error, paired_gain


def scores(seed: int, people: int = 700, times: int = 3, shift: float = 0.2):
    """Label, two scores and subscriber; a subscriber's rows share half of their noise."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), times)
    shared = random.normal(size=people)[who]
    label = (random.random(len(who)) < 0.1).astype(float)
    one = label + shared + random.normal(size=len(who))
    return label, one + shift * label + random.normal(size=len(who)) * 0.8, one, who


def test_the_error_is_that_of_repeated_samples():
    gains = [metrics.auc(label, ours) - metrics.auc(label, theirs)
             for label, ours, theirs, _ in (scores(seed) for seed in range(200))]
    label, ours, theirs, who = scores(900)
    gain, error = paired_error("auc", label, ours, theirs, who, rounds=200, seed=1, most=10_000)
    assert gain == pytest.approx(metrics.auc(label, ours) - metrics.auc(label, theirs), abs=1e-12)
    assert error == pytest.approx(np.std(gains), rel=0.2)


def test_of_many_subscribers_so_many_are_drawn_and_the_error_is_larger_never_smaller():
    label, ours, theirs, who = scores(7, people=3000)
    gain, every = paired_error("auc", label, ours, theirs, who, rounds=200, seed=1, most=3000)
    same, some = paired_error("auc", label, ours, theirs, who, rounds=200, seed=1, most=750)
    assert same == gain
    assert some == pytest.approx(2 * every, rel=0.25)


@pytest.mark.parametrize("metric", ["auc", "rmse", "ece", "abs_total_bias"])
def test_an_unknown_score_on_either_side_makes_the_gain_unknown(metric):
    label, ours, theirs, who = scores(3, people=50)
    broken = ours.copy()
    broken[7] = np.nan
    for pair in ((broken, theirs), (theirs, broken)):
        gain, lower = paired_gain(metric, label, *pair, who, rounds=20, confidence=0.975, seed=1)
        assert math.isnan(gain)
        assert math.isnan(lower)
        assert math.isnan(paired_error(metric, label, *pair, who, rounds=20, seed=1, most=100)[1])


def test_ties_count_half_as_everywhere():
    label, ours, theirs, who = scores(5)
    ours, theirs = np.round(ours), np.round(theirs)
    gain, _ = paired_gain("auc", label, ours, theirs, who, rounds=2, confidence=0.975, seed=1)
    assert gain == pytest.approx(metrics.auc(label, ours) - metrics.auc(label, theirs), abs=1e-12)


def test_calibration_gains_are_those_of_the_figures():
    random = np.random.default_rng(8)
    p = random.beta(1, 10, 4000)
    label, who = (random.random(4000) < p).astype(float), np.arange(4000)
    doubled = np.clip(2 * p, 0, 1)
    gain, upper = paired_gain("ece", label, doubled, p, who, rounds=100, confidence=0.025, seed=1)
    assert gain == pytest.approx(metrics.ece(label, p) - metrics.ece(label, doubled), abs=1e-12)
    assert upper < 0
    gain, _ = paired_gain("abs_total_bias", label, doubled, p, who, rounds=2, confidence=0.025, seed=1)
    assert gain == pytest.approx(
        metrics.money(label, p)["abs_total_bias"] - metrics.money(label, doubled)["abs_total_bias"], abs=1e-12)


def test_slope_and_ratio_agree_with_an_independent_regression():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(9)
    odds = random.normal(-2, 1, 5000)
    label = (random.random(5000) < 1 / (1 + np.exp(-odds))).astype(float)
    told = 1 / (1 + np.exp(-(2 * odds + 0.5)))
    found = metrics.calibration(label, told)
    other = LogisticRegression(C=np.inf).fit((2 * odds + 0.5)[:, None], label)
    assert found["calibration_slope"] == pytest.approx(float(other.coef_[0, 0]), abs=1e-3)
    assert found["calibration_slope"] == pytest.approx(0.5, abs=0.05)
    assert found["calibration_ratio"] == pytest.approx(told.sum() / label.sum())


@pytest.mark.parametrize(("label", "p"), [
    (np.zeros(50), np.linspace(0.1, 0.9, 50)), (np.r_[0.0, np.ones(49)], np.full(50, 0.3)), (np.zeros(0), np.zeros(0)),
    (np.r_[0.0, np.ones(49)], np.r_[np.nan, np.linspace(0.1, 0.9, 49)]),
    (np.r_[np.zeros(25), np.ones(25)], np.linspace(0.1, 0.9, 50)),
])
def test_a_slope_that_is_not_defined_is_unknown(label, p):
    assert math.isnan(metrics.calibration(label, p)["calibration_slope"])


def test_several_on_the_same_resamples_have_the_bounds_each_has_alone():
    label, ours, theirs, who = scores(11, people=60)
    others = {"theirs": theirs, "shifted": theirs + 0.5, "unknown": np.full(len(theirs), np.nan)}
    options = {"rounds": 50, "confidence": 0.975, "seed": 4}
    together = paired_bounds("rmse", label, ours, others, who, **options)
    alone = {name: paired_gain("rmse", label, ours, other, who, **options)[1] for name, other in others.items()}
    assert together == pytest.approx(alone, abs=0, nan_ok=True)
    assert together["theirs"] != together["shifted"]
    nobody = np.empty(0)
    assert math.isnan(paired_bounds("rmse", nobody, nobody, {"theirs": nobody}, nobody, **options)["theirs"])
