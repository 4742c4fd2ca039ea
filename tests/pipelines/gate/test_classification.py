"""Every figure of a classifier, weighted or not, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.gate import metrics
from pipelines.gate.classification import NAMES, Ranked, classification, deciles, intervals


def drawn(rows: int, seed: int, digits: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probability = np.round(random.beta(1, 8, size=rows), digits)
    return (random.random(rows) < probability).astype(float), probability


def test_the_figures_are_those_of_the_single_functions():
    label, probability = drawn(3000, 3)
    found = classification(label, probability)
    assert tuple(found) == NAMES
    for name in ("auc", "pr_auc", "brier", "log_loss", "ece"):
        assert found[name] == pytest.approx(getattr(metrics, name)(label, probability), abs=1e-12), name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(30, 300), st.sampled_from([1, 3]))
def test_a_weight_is_the_row_so_many_times(seed, rows, digits):
    label, probability = drawn(rows, seed, digits)
    weight = np.random.default_rng(seed + 1).integers(0, 4, size=rows)
    weighted = Ranked(label, probability).figures(weight)
    repeated = classification(np.repeat(label, weight), np.repeat(probability, weight))
    for name in NAMES:
        if not name.startswith("ece"):  # its bins are those of the rows, not of the resample
            assert weighted[name] == pytest.approx(repeated[name], abs=1e-9, nan_ok=True), name


def test_lift_and_capture_of_a_perfect_order_and_of_none():
    label = np.r_[np.ones(10), np.zeros(190)]
    perfect, none = classification(label, 0.9 * label), classification(label, np.full(200, 0.05))
    assert (perfect["capture_at_5"], perfect["lift_at_5"], perfect["lift_at_10"]) == pytest.approx((1, 20, 10))
    for share in (1, 5, 10, 20):
        assert none[f"lift_at_{share}"] == pytest.approx(1)
        assert none[f"capture_at_{share}"] == pytest.approx(share / 100)


def test_the_top_decile_is_calibrated_by_itself():
    label, probability = np.r_[np.zeros(90), np.ones(5), np.zeros(5)], np.r_[np.full(90, 0.0), np.full(10, 0.8)]
    found = classification(label, probability)
    assert found["ece_top_decile"] == pytest.approx(0.3)
    assert found["ece"] == pytest.approx(0.03)


@pytest.mark.parametrize(("label", "probability"), [
    (np.zeros(0), np.zeros(0)), (np.zeros(20), np.full(20, np.nan)), (np.ones(3), np.array([0.1, np.inf, 0.2])),
])
def test_what_is_not_defined_is_nan(label, probability):
    assert all(math.isnan(value) for value in classification(label, probability).values())


@pytest.mark.parametrize("label", [np.zeros(20), np.ones(20)])
def test_one_class_keeps_its_errors_and_has_no_auc(label):
    found = classification(label, np.linspace(0.1, 0.2, 20))
    assert math.isnan(found["auc"])
    assert math.isnan(found["lift_at_10"]) == (not label.any())
    assert found["brier"] > 0


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    everyone, score = drawn(200_000, 9)
    truth = metrics.auc(everyone, score)
    random, inside = np.random.default_rng(1), 0
    for number in range(60):
        rows = random.choice(len(score), size=1500, replace=False)
        low, high = intervals(everyone[rows], score[rows], rows, rounds=100, seed=number)["auc"]
        inside += low <= truth <= high
    assert 51 <= inside <= 60  # 95 % of 60 is 57; 51 or fewer happens once in 300


def test_rows_of_one_subscriber_are_drawn_together():
    label, score = drawn(400, 5)
    alone = intervals(label, score, np.arange(400), rounds=100, seed=1)["auc"]
    thrice = intervals(np.tile(label, 3), np.tile(score, 3), np.tile(np.arange(400), 3), rounds=100, seed=1)["auc"]
    assert thrice == pytest.approx(alone, abs=1e-12)  # saying it three times does not make it surer


def test_the_auc_alone_has_the_interval_it_has_beside_the_others():
    label, score = drawn(800, 4)
    given = {"rounds": 40, "seed": 3}
    alone = intervals(label, score, np.arange(800), only_auc=True, **given)
    assert alone == {"auc": intervals(label, score, np.arange(800), **given)["auc"]}


def test_of_many_subscribers_some_are_drawn_with_all_their_rows():
    label, score = drawn(3000, 4)
    wide = intervals(label, score, np.arange(3000) // 3, rounds=100, seed=3, most=250)["auc"]
    narrow = intervals(label, score, np.arange(3000) // 3, rounds=100, seed=3)["auc"]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_the_same_seed_gives_the_same_interval_and_too_few_leavers_none():
    label, score = drawn(500, 6)
    one, other = (intervals(label, score, np.arange(500), rounds=50, seed=7) for _ in range(2))
    assert one == other
    lonely = np.r_[1.0, np.zeros(99)]
    assert all(map(math.isnan, intervals(lonely, score[:100], np.arange(100), rounds=50, seed=7)["auc"]))


def test_deciles_end_with_everyone_captured():
    label, score = drawn(1000, 8)
    table = deciles(label, score)
    assert len(table) == 10
    assert table[0]["captured"] == pytest.approx(1)
    assert table[-1]["captured"] == pytest.approx(classification(label, score)["capture_at_10"], abs=0.02)
    assert [row["predicted"] for row in table] == sorted(row["predicted"] for row in table)
