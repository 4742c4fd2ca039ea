"""Contributions from tables are Shapley values by definition, and XGBoost's own by another road."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipelines.errors import Held
from pipelines.reasons import contributions as exact
from pipelines.reasons.kernels import ROWS
from pipelines.reasons.tables import BLOCK_BITS, blocks_of, tables_of
from pipelines.reasons.trees import LEAF, Tree, trees_of

NAN = float("nan")


def rows(seed: int, count: int = 200, columns: int = 5, missing: float = 0.2, digits: int = 1) -> np.ndarray:
    """Numbers with ties (rounded) and holes."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(count, columns)).round(digits).astype("float32")
    values[draw.random(values.shape) < missing] = NAN
    return values


def fitted(data: np.ndarray, rounds: int = 4, **parameters: Any) -> xgboost.Booster:
    known = np.nan_to_num(data)
    label = (known[:, 0] + known[:, -1] * known[:, data.shape[1] // 2] > 0.1).astype(int)
    chosen = {"objective": "binary:logistic", "nthread": 1, "min_child_weight": 0.1, "verbosity": 0, **parameters}
    return xgboost.train(chosen, xgboost.DMatrix(data, label), rounds)


def own(booster: xgboost.Booster, data: np.ndarray) -> np.ndarray:
    return booster.predict(xgboost.DMatrix(data), pred_contribs=True)


def test_a_tree_gives_shapley_values_by_their_definition() -> None:
    data = np.array([[0.5, 3, 1], [2.5, NAN, 0], [0.5, NAN, NAN], [1.5, 1, 5], [NAN, NAN, NAN], [1.0, 2, 1]], "float32")
    explained = exact.contributions(tables_of([TREE]), data)
    expected = [[by_definition(TREE, row, feature) for feature in range(3)] for row in data]
    assert np.allclose(explained, expected, atol=1e-6)
    assert np.abs(explained).max() > 0.5


# Feature 0 stands twice on one path; feature 1 goes right when missing, the others left.
#             0: x0 < 1.0 ? 1 : 2    1: x1 < 2.0 ? 3 : 4    2: x0 < 2.0 ? 5 : 6    5: x2 < 1.0 ? 7 : 8
TREE = Tree(
    left=np.array([1, 3, 5, LEAF, LEAF, 7, LEAF, LEAF, LEAF]),
    right=np.array([2, 4, 6, LEAF, LEAF, 8, LEAF, LEAF, LEAF]),
    feature=np.array([0, 1, 0, 0, 0, 2, 0, 0, 0]),
    threshold=np.array([1, 2, 2, 0, 0, 1, 0, 0, 0], dtype="float32"),
    default_left=np.array([True, False, True, False, False, True, False, False, False]),
    cover=np.array([100.0, 40, 60, 10, 30, 45, 15, 20, 25]),
    value=np.array([0, 0, 0, 1.5, -0.5, 0, 2.0, -1.0, 0.25]),
)


def by_definition(tree: Tree, row: np.ndarray, feature: int) -> float:
    """Shapley (1953): the mean over all orders of what the feature adds to the features before it."""
    others = [other for other in range(len(row)) if other != feature]
    total = 0.0
    for size in range(len(others) + 1):
        weight = factorial(size) * factorial(len(others) - size) / factorial(len(row))
        for known in combinations(others, size):
            total += weight * (expected_value(tree, row, {*known, feature}) - expected_value(tree, row, set(known)))
    return total


def expected_value(tree: Tree, row: np.ndarray, known: set[int], node: int = 0) -> float:
    """The tree's output when only the features in `known` may be asked: elsewhere both ways, by the training rows."""
    if tree.left[node] == LEAF:
        return float(tree.value[node])
    left, right, feature = int(tree.left[node]), int(tree.right[node]), int(tree.feature[node])
    if feature in known:
        missing = np.isnan(row[feature])
        goes_left = tree.default_left[node] if missing else row[feature] < tree.threshold[node]
        return expected_value(tree, row, known, left if goes_left else right)
    shares = tree.cover[[left, right]] / tree.cover[node]
    return float(shares @ [expected_value(tree, row, known, child) for child in (left, right)])


@examples(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), depth=st.integers(1, 6), rounds=st.integers(1, 5), columns=st.integers(1, 6),
       missing=st.sampled_from([0.0, 0.3, 0.9]), digits=st.integers(0, 3), pruned=st.booleans())
def test_any_booster_is_explained_as_xgboost_explains_it(
    seed: int, depth: int, rounds: int, columns: int, missing: float, digits: int, pruned: bool
) -> None:
    data = rows(seed, 120, columns, missing, digits)
    how = {"tree_method": "exact", "gamma": 0.5} if pruned else {"tree_method": "hist"}
    booster = fitted(data, rounds, max_depth=depth, seed=seed, **how)
    asked = np.vstack([data, rows(seed + 1, 60, columns, missing, digits), np.full((1, columns), NAN, "float32")])
    explained, expected = exact.contributions(exact.tables(booster), asked), own(booster, asked)
    assert np.abs(explained - expected[:, :-1]).max() <= 2e-5
    margin = booster.predict(xgboost.DMatrix(asked), output_margin=True)
    exact.check_sum(explained, float(expected[0, -1]), margin)


def test_values_beside_a_threshold_go_the_way_xgboost_sends_them() -> None:
    data = rows(3, 400, 3, digits=4)
    booster = fitted(data, 6, max_depth=3)
    tables = exact.tables(booster)
    beside = np.repeat(data[:1], 3 * len(tables.split_threshold), axis=0)
    for place, (feature, threshold) in enumerate(zip(tables.split_feature, tables.split_threshold, strict=True)):
        around = (np.nextafter(threshold, np.float32(-np.inf)), threshold, np.nextafter(threshold, np.float32(np.inf)))
        beside[3 * place:3 * place + 3, feature] = around
    assert len(np.unique(beside, axis=0)) > 60
    assert np.abs(exact.contributions(tables, beside) - own(booster, beside)[:, :-1]).max() <= 2e-5


@pytest.mark.parametrize("parameters", [
    {"max_depth": 12, "min_child_weight": 0.0}, {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 40},
    {"max_depth": 4, "num_parallel_tree": 3, "subsample": 0.5}, {"max_depth": 3, "objective": "reg:squarederror"},
    {"max_depth": 3, "monotone_constraints": "(1,0,0,0,0)"},
])
def test_deep_lopsided_and_parallel_trees_are_explained_too(parameters: dict[str, Any]) -> None:
    data = rows(11, 600, digits=3)
    booster = fitted(data, 3, **parameters)
    assert np.abs(exact.contributions(exact.tables(booster), data) - own(booster, data)[:, :-1]).max() <= 2e-5


def test_a_tree_that_is_one_leaf_contributes_nothing() -> None:
    data = rows(1)
    booster = fitted(data, 2, gamma=1e9)
    tables = exact.tables(booster)
    assert len(tables.split_feature) == 0
    assert not exact.contributions(tables, data).any()
    assert exact.prove(tables, data, own(booster, data)) == pytest.approx(
        booster.predict(xgboost.DMatrix(data[:1]), output_margin=True)[0])


def test_every_leaf_is_in_one_block_and_no_block_asks_too_much() -> None:
    for depth in (1, 3, 6, 9):
        for tree in trees_of(fitted(rows(5, 800, digits=3), 2, max_depth=depth)):
            blocks = list(blocks_of(tree))
            leaves = sorted(leaf for block in blocks for leaf, _ in block.leaves)
            assert leaves == np.flatnonzero(tree.left == LEAF).tolist()
            assert all(len(block.splits) <= max(BLOCK_BITS, depth) for block in blocks)
            if depth == 3:
                assert len(blocks) == 1


def test_neither_threads_nor_the_length_of_a_part_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = rows(9, 2 * ROWS + 37)
    tables = exact.tables(fitted(data[:500], max_depth=4))
    one_by_one = np.vstack([exact.contributions(tables, data[row:row + 1]) for row in (0, ROWS, 2 * ROWS + 36)])
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(exact, "settings", lambda threads=threads: type("S", (), {"threads": threads}))
        found.append(exact.contributions(tables, data))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0][[0, ROWS, 2 * ROWS + 36]], one_by_one)
    assert exact.contributions(tables, data[:0]).shape == (0, 5)


def categorical() -> xgboost.Booster:
    data = np.random.default_rng(0).integers(0, 5, (200, 1)).astype("float32")
    matrix = xgboost.DMatrix(data, (data[:, 0] % 2), feature_types=["c"], enable_categorical=True)
    return xgboost.train({"max_depth": 2, "nthread": 1, "max_cat_to_onehot": 1}, matrix, 2)


def multiclass() -> xgboost.Booster:
    data = rows(2)
    matrix = xgboost.DMatrix(data, np.arange(len(data)) % 3)
    return xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, matrix, 2)


def two_targets() -> xgboost.Booster:
    data = np.nan_to_num(rows(2))
    return xgboost.train({"nthread": 1, "multi_strategy": "multi_output_tree"}, xgboost.DMatrix(data, data[:, :2]), 2)


@pytest.mark.parametrize(("make", "reason"), [
    (lambda: fitted(rows(1), booster="dart"), "the booster is 'dart'"),
    (lambda: fitted(np.nan_to_num(rows(1)), booster="gblinear"), "the booster is 'gblinear'"),
    (multiclass, "3 outputs, not one"), (two_targets, "2 outputs, not one"),
    (categorical, "tree 0 splits on categories"),
])
def test_a_booster_of_another_kind_is_refused_by_name(make: Callable[[], xgboost.Booster], reason: str) -> None:
    with pytest.raises(Held, match=reason):
        exact.tables(make())


def test_a_tree_nobody_passed_or_a_path_too_long_is_refused() -> None:
    with pytest.raises(Held, match="a path of 17 splits"):
        tables_of([chain(17)])
    assert len(tables_of([chain(16)]).asked) > 0
    booster = fitted(rows(1))
    edited = type("Booster", (), {"save_raw": lambda self, raw_format: booster.save_raw(raw_format).replace(
        b'"sum_hessian":[', b'"sum_hessian":[0,', 1)})()
    with pytest.raises(Held, match="no training row passed"):
        exact.tables(edited)


def chain(length: int) -> Tree:
    """A tree that asks feature k at its k-th split and stops at the left each time."""
    nodes = np.arange(2 * length + 1)
    split = (nodes % 2 == 0) & (nodes < 2 * length)
    return Tree(
        left=np.where(split, nodes + 1, LEAF), right=np.where(split, nodes + 2, LEAF), feature=nodes // 2,
        threshold=np.zeros(len(nodes), "float32"), default_left=np.zeros(len(nodes), bool),
        cover=(len(nodes) - nodes).astype(float), value=np.where(split, 0.0, 1.0),
    )


@pytest.mark.parametrize("factor", [1.01, NAN])
def test_tables_that_were_tampered_with_fail_both_proofs(factor: float) -> None:
    data = rows(4)
    booster = fitted(data, max_depth=3)
    good, oracle = exact.tables(booster), own(booster, data)
    margin = booster.predict(xgboost.DMatrix(data), output_margin=True)
    bias = exact.prove(good, data, oracle)
    exact.check_sum(exact.contributions(good, data), bias, margin)
    bad = good._replace(values=good.values * np.float32(factor))
    with pytest.raises(Held, match="contributions differ from XGBoost's own"):
        exact.prove(bad, data, oracle)
    with pytest.raises(Held, match=r"do not add up to the log-odds in \d+ of 200 rows"):
        exact.check_sum(exact.contributions(bad, data), bias, margin)


def test_the_sample_is_the_same_every_time_and_another_every_night() -> None:
    assert exact.sample(30, 1).tolist() == list(range(30))
    one, again, other = (exact.sample(10_000, seed) for seed in (1, 1, 2))
    assert len(set(one.tolist())) == exact.SAMPLE_ROWS
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_trees_are_those_the_booster_has() -> None:
    booster = fitted(rows(8), 3, max_depth=3)
    told = booster.trees_to_dataframe()
    for number, tree in enumerate(trees_of(booster)):
        mine = told[told["Tree"] == number].set_index("Node").sort_index()
        assert np.allclose(mine["Cover"], tree.cover, rtol=1e-5)
        assert np.allclose(mine["Gain"][tree.left == LEAF], tree.value[tree.left == LEAF], rtol=1e-5)
        assert np.allclose(mine["Split"][tree.left != LEAF], tree.threshold[tree.left != LEAF], rtol=1e-5)
