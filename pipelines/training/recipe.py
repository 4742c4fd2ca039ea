"""The churn recipe: gradient-boosted trees, the number of rounds by early stopping, and Platt's calibration.

XGBoost by histograms, one seed, no class weights, no resampling; a missing value stays missing. Nothing it learns
from (rounds, calibration) is ever a row it is then judged on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines import bundle as bundles
from pipelines.models.spec import ModelSpec
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

MIN_SLOPE = 1e-3
FEW_ROWS = 50_000


@dataclass(frozen=True)
class Rows:
    """Encoded rows: matrix (n, k) float32 with NaN for missing, label (n,), subscriber (n,), and the column names."""

    matrix: Array
    label: Floats
    subscriber: Array
    columns: tuple[str, ...]

    def take(self, mask: Array) -> Rows:
        return Rows(self.matrix[mask], self.label[mask], self.subscriber[mask], self.columns)


@dataclass(frozen=True)
class Fitted:
    """A booster cut to its rounds, and the calibrator of its log-odds."""

    booster: Any
    rounds: int
    calibrator: Mapping[str, Any]

    def margin(self, rows: Rows) -> Floats:
        matrix = bundles.dmatrix(rows.matrix, rows.columns)
        return np.asarray(self.booster.predict(matrix, output_margin=True), dtype=np.float64)

    def predict(self, rows: Rows) -> Floats:
        return np.asarray(bundles.calibrate(self.margin(rows), self.calibrator), dtype=np.float64)


def encode(frame: pd.DataFrame, spec: ModelSpec, columns: Sequence[str], categories: Mapping[str, list[str]]) -> Rows:
    """A training frame as the bundle will encode tonight's rows."""
    return Rows(
        np.asarray(bundles.encode(frame, columns, categories)),
        frame[spec.label_column].to_numpy(dtype=np.float64),
        frame["subscriber_id"].to_numpy(dtype=object),
        tuple(columns),
    )


def fit_in_time(spec: ModelSpec, fit: Rows, calibrate: Rows) -> Fitted:
    """Fit on the older slice; the later one, which is never fitted on, says how many rounds and how to calibrate."""
    booster = _boost(spec, fit, spec.parameters["max_rounds"], held_out=calibrate)
    rounds = int(booster.best_iteration) + 1
    cut = booster[:rounds]
    return Fitted(cut, rounds, platt(_margin(cut, calibrate), calibrate.label))


def fit_across(spec: ModelSpec, rows: Rows, salt: str) -> Fitted:
    """Fit on all rows; rounds and calibration come from models that did not see the rows they speak about.

    Folds are by subscriber. Each fold's booster is stopped early on its held-out subscribers, the common number of
    rounds is where their mean loss is least, and Platt's line goes through the held-out log-odds at that number.
    """
    fold = folds(rows.subscriber, spec.split.folds, salt)
    boosters, losses = [], []
    for number in range(spec.split.folds):
        history: dict[str, Any] = {}
        held_out = rows.take(fold == number)
        boosters.append(_boost(spec, rows.take(fold != number), spec.parameters["max_rounds"], held_out, history))
        losses.append(history["held_out"]["logloss"])
    length = min(map(len, losses))
    rounds = int(np.argmin(np.mean([loss[:length] for loss in losses], axis=0))) + 1
    margin = np.empty(len(rows.label))
    for number, booster in enumerate(boosters):
        margin[fold == number] = _margin(booster[:rounds], rows.take(fold == number))
    return Fitted(refit(spec, rows, rounds), rounds, platt(margin, rows.label))


def refit(spec: ModelSpec, rows: Rows, rounds: int) -> Any:
    """The same parameters on other rows for a fixed number of rounds."""
    return _boost(spec, rows, rounds)


def folds(subscriber: Array, count: int, salt: str) -> Array:
    """A fold in [0, count) per row, the same for all rows of a subscriber, whatever the order of the rows."""
    import pandas as pd

    hashed = pd.util.hash_array(subscriber, hash_key=f"{salt:0<16.16}", categorize=True)
    return np.asarray(hashed % np.uint64(count), dtype=np.int64)


def platt(margin: Floats, label: Floats) -> dict[str, Any]:
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


def _boost(
    spec: ModelSpec, rows: Rows, rounds: int, held_out: Rows | None = None, history: dict[str, Any] | None = None,
) -> Any:
    import xgboost

    chosen = dict(spec.parameters)
    patience = chosen.pop("early_stopping_rounds")
    del chosen["max_rounds"]
    fixed = {
        "objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist",
        "seed": spec.seed, "nthread": _threads(rows), "verbosity": 0,
    }
    watched = [] if held_out is None else [(_labelled(held_out), "held_out")]
    return xgboost.train(
        {**chosen, **fixed}, _labelled(rows), num_boost_round=rounds, evals=watched, evals_result=history,
        early_stopping_rounds=patience if watched else None, verbose_eval=False,
    )


def _threads(rows: Rows) -> int:
    """Threads change the time, never the model; on few rows they mostly wait for each other.

    7,043 rows x 19, 31 fits, on two busy cores: 8.6 CPU seconds with one thread, 60 with two, the same figures to the
    last digit.
    """
    return 1 if len(rows.label) < FEW_ROWS else settings().threads


def _labelled(rows: Rows) -> Any:
    return bundles.dmatrix(rows.matrix, rows.columns, label=rows.label)


def _margin(booster: Any, rows: Rows) -> Floats:
    return np.asarray(booster.predict(bundles.dmatrix(rows.matrix, rows.columns), output_margin=True), dtype=np.float64)
