"""Probabilities from log-odds: the line where a line is true, the steps where it is not, and numbers either way."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import bundle as bundles
from pipelines.errors import IntegrityError
from pipelines.training import calibration


def drawn(rows, truth, seed=2):
    random = np.random.default_rng(seed)
    margin = random.normal(size=rows)
    subscriber = np.array([f"sub_{number}" for number in range(rows)], dtype=object)
    return margin, (random.random(rows) < truth(margin)).astype(float), subscriber


def line(margin):
    return 1 / (1 + np.exp(-(0.6 * margin - 1.5)))


def bent(margin):
    return np.where(margin < 0, 0.05, np.where(margin < 1, 0.10, 0.60))


def test_platt_finds_the_line_the_labels_were_drawn_from():
    margin, label, _ = drawn(40_000, line)
    found = calibration.platt(margin, label)
    assert found["a"] == pytest.approx(0.6, abs=0.05)
    assert found["b"] == pytest.approx(-1.5, abs=0.05)


def test_platt_never_turns_a_backward_model_round():
    margin = np.linspace(-2, 2, 500)
    assert calibration.platt(margin, (margin < 0).astype(float))["a"] > 0


@pytest.mark.parametrize(("truth", "kind"), [(line, "platt"), (bent, "isotonic")])
def test_the_data_choose_the_kind_and_the_reason_has_both_losses(truth, kind):
    margin, label, subscriber = drawn(20_000, truth)
    found, why = calibration.chosen(margin, label, subscriber)
    assert found["kind"] == kind
    assert why.startswith(f"{kind}: log loss of held-out subscribers ")


def test_few_rows_keep_the_line():
    margin, label, subscriber = drawn(300, bent)
    assert calibration.chosen(margin, label, subscriber)[0]["kind"] == "platt"


def test_isotonic_finds_what_no_line_can_draw():
    margin, label, _ = drawn(40_000, bent)
    found = calibration.isotonic(margin, label)
    said = bundles.calibrate([-1.5, 0.5, 2.0], json.loads(json.dumps(found)))
    assert said == pytest.approx([0.05, 0.10, 0.60], abs=0.03)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 400), st.integers(0, 2))
def test_isotonic_never_turns_an_order_round_and_makes_nothing_impossible(seed, rows, digits):
    random = np.random.default_rng(seed)
    margin = np.round(random.normal(size=rows), digits)
    label = (random.random(rows) < 0.3).astype(float)
    found = calibration.isotonic(margin, label)
    said = bundles.calibrate(np.sort(random.normal(size=50) * 3), found)
    assert (np.diff(said) >= 0).all()
    assert (said > 0).all()
    assert (said < 1).all()


@pytest.mark.parametrize("knots", [
    {"x": [], "p": []}, {"x": [0.0, 0.0], "p": [0.1, 0.2]}, {"x": [0.0, 1.0], "p": [0.2, 0.1]},
    {"x": [0.0, 1.0], "p": [0.2, 1.1]}, {"x": [0.0], "p": [0.1, 0.2]}, {"x": [0.0, float("nan")], "p": [0.1, 0.2]},
])
def test_knots_that_would_turn_the_ranking_round_are_refused(knots):
    with pytest.raises(IntegrityError, match="isotonic"):
        bundles.calibrate([0.0], {"kind": "isotonic", **knots})


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_an_anchored_calibrator_has_the_mean_of_the_rows_and_keeps_its_shape(kind):
    margin, label, _ = drawn(20_000, line)
    made = calibration.KINDS[kind](margin, label)
    other = margin + 0.4  # another booster of the recipe, which has learned a higher base rate by itself
    found = calibration.anchored(made, other, label)
    assert bundles.calibrate(other, found).mean() == pytest.approx(label.mean(), abs=1e-6)
    assert bundles.calibrate(other, made).mean() > label.mean() + 0.02
    same = bundles.calibrate(margin, calibration.anchored(made, margin, label))
    assert bundles.calibrate(other, found) == pytest.approx(same, abs=1e-6)
    json.dumps(found)
