"""F46: a feature that tells the label by itself is found, whatever the shape in which it tells."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.training import leakage
from pipelines.training.recipe import Rows

COUNT = 4000
DRAW = np.random.default_rng(46)
LABEL = (DRAW.random(COUNT) < 0.05).astype(float)
NOISE = DRAW.normal(size=COUNT)


def auc_of(values: np.ndarray, *, is_category: bool = False, label: np.ndarray = LABEL, per: int = 1) -> float:
    matrix = np.column_stack([values, np.resize(NOISE, len(values))]).astype("float32")
    subscriber = np.array([f"s{row // per}" for row in range(len(label))], dtype=object)
    rows = Rows(matrix, label, subscriber, ("asked", "noise"))
    return leakage.alone(rows, {"asked"} if is_category else set(), seed=1)["asked"]


@pytest.mark.parametrize(("shape", "values"), [
    ("rising", LABEL + 0.1 * NOISE),
    ("falling", -LABEL + 0.1 * NOISE),
    ("in the middle", np.where(LABEL == 1, 0.01 * NOISE, np.sign(NOISE) * (1 + np.abs(NOISE)))),
    ("missing for those who left", np.where(LABEL == 1, np.nan, NOISE)),
    ("known for those who left", np.where(LABEL == 1, NOISE, np.nan)),
])
def test_F46_a_leak_shows_whatever_its_shape(shape: str, values: np.ndarray) -> None:
    assert auc_of(values) > 0.90, shape


def test_F46_a_category_of_those_who_left_shows_wherever_its_code_stands() -> None:
    codes = np.where(LABEL == 1, 17, DRAW.integers(0, 40, COUNT))
    assert auc_of(codes, is_category=True) > 0.90


def test_noise_and_a_constant_and_nothing_at_all_tell_nothing() -> None:
    assert abs(auc_of(NOISE) - 0.5) < 0.06
    assert auc_of(np.ones(COUNT)) == 0.5
    assert auc_of(np.full(COUNT, np.nan)) == 0.5


def test_an_honest_feature_keeps_its_own_auc() -> None:
    from pipelines.gate import metrics

    many = (DRAW.random(20 * COUNT) < 0.05).astype(float)
    honest = many + DRAW.normal(size=len(many))
    assert abs(auc_of(honest, label=many) - metrics.auc(many, honest)) < 0.02


def test_bins_counted_are_the_rows_ranked() -> None:
    """The figure from counts by bin is that of every row's rate, to the last digit, ties and empty bins included."""
    from pipelines.gate import metrics

    half, bins = DRAW.integers(0, 2, COUNT), DRAW.integers(0, 30, COUNT) * 2
    expected = []
    for number in (0, 1):
        told, judged = half != number, half == number
        rate = {one: (LABEL[told & (bins == one)].sum() + LABEL[told].mean()) / ((told & (bins == one)).sum() + 1)
                for one in np.unique(bins)}
        expected.append(metrics.auc(LABEL[judged], np.array([rate[one] for one in bins[judged]])))
    assert leakage._auc(bins, LABEL, half) == np.mean(expected)


def test_rows_of_one_subscriber_do_not_vouch_for_each_other() -> None:
    """A column that only tells who it is ranks perfectly where the same subscribers stand on both sides."""
    people = np.repeat(DRAW.permutation(COUNT // 20), 20)
    label = np.repeat((DRAW.random(COUNT // 20) < 0.3).astype(float), 20)
    assert abs(auc_of(people, is_category=True, label=label, per=20) - 0.5) < 0.1


def test_a_half_without_both_classes_is_unknown_and_no_pass() -> None:
    assert np.isnan(auc_of(NOISE, label=np.r_[1.0, np.zeros(COUNT - 1)]))


def test_many_rows_are_sampled_and_the_same_ones_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leakage, "MAX_ROWS", 1000)
    assert auc_of(LABEL + NOISE) == auc_of(LABEL + NOISE)
