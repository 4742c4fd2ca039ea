"""From a booster's log-odds to probabilities: Platt's line or isotonic steps, whichever the data prefer, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from pipelines import bundle as bundles
from pipelines.training.folds import Array, Floats, folds

MIN_SLOPE: Final = 1e-3
FOLDS: Final = 5
ERRORS: Final = 2.0  # isotonic must win by so many standard errors: it has a hundred numbers, the line has two
MOST_MOVED: Final = 5.0  # of log-odds
Calibrator = dict[str, Any]


def chosen(margin: Floats, label: Floats, subscriber: Array) -> tuple[Calibrator, str]:
    """The calibrator of these rows, none of which the booster was fitted on, and why this kind.

    Both kinds are fitted on four fifths of the subscribers and judged by log loss on the last, five times.
    """
    fold = folds(subscriber, FOLDS, "calibrate")
    line, steps = (_held_out(fit, margin, label, fold) for fit in (platt, isotonic))
    gain = line - steps
    error = float(np.std(gain) / np.sqrt(len(gain)))
    told = (f"log loss of held-out subscribers {np.mean(line):.5f} by Platt's line, {np.mean(steps):.5f} by isotonic "
            f"steps, standard error of the difference {error:.5f}")
    if np.mean(gain) > ERRORS * error:
        return isotonic(margin, label), f"isotonic: {told}"
    return platt(margin, label), f"platt: {told}"


def _held_out(fit: Callable[[Floats, Floats], Calibrator], margin: Floats, label: Floats, fold: Array) -> Floats:
    losses = np.empty(len(label))
    for number in range(FOLDS):
        judged = fold == number
        p = np.clip(bundles.calibrate(margin[judged], fit(margin[~judged], label[~judged])), 1e-15, 1 - 1e-15)
        losses[judged] = -np.where(label[judged] > 0, np.log(p), np.log1p(-p))
    return losses


def platt(margin: Floats, label: Floats) -> Calibrator:
    """Slope a and intercept b of p = sigmoid(a * margin + b), by Newton's method on Platt's smoothed targets.

    Platt (1999), with the numerics of Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector
    machines", Machine Learning 68 (2007). The slope is kept positive: a model that ranks backwards must fail the
    gate's floors, not be turned round by its calibration.
    """
    positives = float(label.sum())
    negatives = len(label) - positives
    target = np.where(label > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([margin, np.ones(len(margin))])
    line = np.array([1.0, 0.0])
    for _ in range(100):
        p = bundles.calibrate(design @ line, bundles.IDENTITY)
        gradient = design.T @ (p - target)
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        line = line - np.clip(step, -2.0, 2.0)
        if np.max(np.abs(step)) < 1e-10:
            break
    return {"kind": "platt", "a": max(float(line[0]), MIN_SLOPE), "b": float(line[1])}


def isotonic(margin: Floats, label: Floats) -> Calibrator:
    """Knots `x` (log-odds, rising) and `p` (probability, never falling), read by straight lines between them.

    Zadrozny and Elkan (2002), by scikit-learn's pool-adjacent-violators: a knot is the middle of a pooled block and its
    rate. A rate of 0 or 1 is drawn in by half a row of its block: nothing is impossible because few were seen.
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression().fit(margin, label).predict(margin)
    rates, block = np.unique(fitted, return_inverse=True)
    rows = np.bincount(block)
    centres = np.bincount(block, margin) / rows
    p = np.clip(rates, 0.5 / rows, 1 - 0.5 / rows)
    return {"kind": "isotonic", "x": centres.tolist(), "p": np.maximum.accumulate(p).tolist()}


def anchored(calibrator: Mapping[str, Any], margin: Floats, label: Floats) -> Calibrator:
    """The calibrator of one booster for the log-odds of another of the same recipe: moved along them until the mean
    probability of these rows is their share of leavers.

    A booster fitted on all rows has learned of the base rate what the calibrator had to tell the one fitted on the
    older ones; without this it is told twice. The shape stays: these rows were fitted on, so their log-odds are too
    sure of themselves, but their mean is not (calibration in the large; Steyerberg 2019, ch. 15). By bisection.
    """
    wanted, low, high = float(np.mean(label)), -MOST_MOVED, MOST_MOVED
    while high - low > 1e-9:
        middle = (low + high) / 2
        below = float(np.mean(bundles.calibrate(margin + middle, calibrator))) < wanted
        low, high = (middle, high) if below else (low, middle)
    move = round((low + high) / 2, 8)
    if calibrator["kind"] == "isotonic":
        return {**calibrator, "x": [one - move for one in calibrator["x"]]}
    return {**calibrator, "b": calibrator["b"] + calibrator["a"] * move}


KINDS: Final = {"platt": platt, "isotonic": isotonic}
