"""The figures agree with an independent implementation, and are NaN where they are not defined."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.gate import metrics
from pipelines.gate.bootstrap import paired_gain
from pipelines.gate.classification import classification


@pytest.fixture(scope="module")
def judged():
    random = np.random.default_rng(3)
    probability = np.round(random.beta(1, 8, size=3000), 3)  # rounded: many ties
    return (random.random(3000) < probability).astype(float), probability


def test_figures_agree_with_scikit_learn(judged):
    from sklearn import metrics as reference

    label, probability = judged
    weight = np.random.default_rng(4).integers(0, 4, size=len(label)).astype(float)
    assert metrics.auc(label, probability) == pytest.approx(reference.roc_auc_score(label, probability), abs=1e-12)
    assert metrics.auc(label, probability, weight) == pytest.approx(
        reference.roc_auc_score(label, probability, sample_weight=weight), abs=1e-12)
    assert metrics.pr_auc(label, probability) == pytest.approx(
        reference.average_precision_score(label, probability), abs=1e-12)
    assert metrics.brier(label, probability) == pytest.approx(
        reference.brier_score_loss(label, probability), abs=1e-12)
    assert metrics.log_loss(label, probability) == pytest.approx(reference.log_loss(label, probability), abs=1e-9)


def test_spearman_agrees_with_scipy():
    from scipy.stats import spearmanr

    random = np.random.default_rng(5)
    one, other = random.integers(0, 20, size=500).astype(float), random.normal(size=500)
    assert metrics.spearman(one, one * 2 + other) == pytest.approx(spearmanr(one, one * 2 + other).statistic, abs=1e-12)
    assert math.isnan(metrics.spearman(np.ones(5), np.arange(5.0)))


def test_calibration_error_sees_a_doubled_probability(judged):
    label, probability = judged
    assert metrics.ece(label, probability) < 0.02
    assert metrics.ece(label, np.clip(2 * probability, 0, 1)) > 0.08


@pytest.mark.parametrize("label", [np.zeros(20), np.ones(20)])
def test_auc_of_one_class_is_unknown(label):
    assert math.isnan(metrics.auc(label, np.linspace(0, 1, 20)))


def test_one_unknown_probability_makes_every_figure_unknown(judged):
    label, probability = judged
    broken = probability.copy()
    broken[7] = np.nan
    assert all(math.isnan(value) for value in classification(label, broken).values())


def test_money_sees_a_bias_of_a_tenth():
    realised = np.arange(1.0, 101.0)
    figures = metrics.money(realised, realised * 1.1)
    assert figures["total_bias"] == pytest.approx(0.1)
    assert figures["spearman"] == pytest.approx(1.0)


def cohort(noise_of_champion, noise_of_candidate, people=1500, repeats=3):
    random = np.random.default_rng(11)
    person = np.repeat(np.arange(people), repeats)
    truth = np.repeat(random.normal(size=people), repeats)
    label = (truth + random.normal(size=people * repeats) > 1.5).astype(float)
    candidate = truth + np.repeat(random.normal(size=people), repeats) * noise_of_candidate
    champion = truth + np.repeat(random.normal(size=people), repeats) * noise_of_champion
    return label, candidate, champion, person


def gain(rows, **more):
    label, candidate, champion, person = rows
    options = {"rounds": 200, "confidence": 0.975, "seed": 1, **more}
    return paired_gain("auc", label, candidate, champion, person, **options)


def test_a_planted_better_model_has_a_bound_above_zero_and_a_worse_one_has_not():
    better, lower = gain(cohort(1.0, 0.5))
    assert 0 < lower < better
    worse, lower = gain(cohort(0.5, 1.0))
    assert lower < worse < 0


def test_a_model_against_itself_gains_exactly_nothing():
    label, candidate, _, person = cohort(1.0, 1.0)
    assert gain((label, candidate, candidate, person)) == (0.0, 0.0)


def test_rows_of_one_subscriber_are_resampled_together():
    label, candidate, champion, person = cohort(1.0, 0.8, people=400, repeats=10)
    _, together = gain((label, candidate, champion, person))
    _, apart = gain((label, candidate, champion, np.arange(len(person))))
    assert together < apart  # ten rows of a person are not ten people


def test_the_bound_depends_neither_on_luck_nor_on_the_order_of_the_rows():
    rows = cohort(1.0, 0.8)
    assert gain(rows) == gain(rows)
    order = np.random.default_rng(2).permutation(len(rows[0]))
    assert gain(tuple(part[order] for part in rows)) == pytest.approx(gain(rows), abs=1e-12)


def test_a_resample_without_leavers_leaves_the_bound_unknown():
    label = np.r_[1.0, np.zeros(30)]
    score = np.linspace(1, 0, 31)
    _, lower = paired_gain("auc", label, score, score[::-1], np.arange(31), rounds=100, confidence=0.975, seed=1)
    assert math.isnan(lower)


def test_less_squared_error_is_a_gain():
    truth = np.arange(50.0)
    better, lower = paired_gain("rmse", truth, truth + 1, truth + 3, np.arange(50), rounds=50, confidence=0.975, seed=1)
    assert better == pytest.approx(2.0)
    assert lower == pytest.approx(2.0)
