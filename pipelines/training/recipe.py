"""The recipe of a classifier: gradient-boosted trees, the number of rounds by early stopping, and a calibration.

XGBoost by histograms, one seed, no class weights, no resampling; a missing value stays missing. Nothing it learns
from (rounds, calibration) is ever a row it is then judged on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines import bundle as bundles
from pipelines.models.spec import ModelSpec
from pipelines.settings import settings
from pipelines.training import calibration
from pipelines.training.folds import Array, Floats, folds

if TYPE_CHECKING:
    import pandas as pd

FEW_ROWS = 50_000
BLOCK = 100_000


@dataclass(frozen=True)
class Rows:
    """Encoded rows: matrix (n, k) float32 with NaN for missing, label (n,), subscriber (n,), and the column names.

    `subscriber` is an array of texts or a categorical of them, which a million rows are.
    """

    matrix: Array
    label: Floats
    subscriber: Array
    columns: tuple[str, ...]

    def take(self, mask: Array | slice) -> Rows:
        return Rows(self.matrix[mask], self.label[mask], self.subscriber[mask], self.columns)


@dataclass(frozen=True)
class Fitted:
    """A booster cut to its rounds, the calibrator of its log-odds, and why it is of its kind."""

    booster: Any
    rounds: int
    calibrator: Mapping[str, Any]
    calibrated_by: str

    def margin(self, rows: Rows) -> Floats:
        """Log-odds, (n,)."""
        return log_odds(self.booster, rows)

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
    calibrator, why = calibration.chosen(log_odds(cut, calibrate), calibrate.label, calibrate.subscriber)
    return Fitted(cut, rounds, calibrator, why)


def fit_across(spec: ModelSpec, rows: Rows, salt: str) -> Fitted:
    """Fit on all rows; rounds and calibration come from models that did not see the rows they speak about.

    Folds are by subscriber. Each fold's booster is stopped early on its held-out subscribers, the common number of
    rounds is where their mean loss is least, and the calibrator is fitted to the held-out log-odds at that number.
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
        margin[fold == number] = log_odds(booster[:rounds], rows.take(fold == number))
    calibrator, why = calibration.chosen(margin, rows.label, rows.subscriber)
    return Fitted(refit(spec, rows, rounds), rounds, calibrator, why)


def refitted(spec: ModelSpec, fitted: Fitted, margin: Floats, everything: Rows, newest: Rows) -> Fitted:
    """The version: the same parameters and rounds on all rows, which leaves none to calibrate it on.

    The calibrator's shape comes from `margin` (n,), the evaluated booster's log-odds of `newest`, which it was not
    fitted on; its level is set on the version's own log-odds of the same rows.
    """
    calibrator = calibration.KINDS[fitted.calibrator["kind"]](margin, newest.label)
    booster = refit(spec, everything, fitted.rounds)
    calibrator = calibration.anchored(calibrator, log_odds(booster, newest), newest.label)
    return Fitted(booster, fitted.rounds, calibrator, fitted.calibrated_by)


def refit(spec: ModelSpec, rows: Rows, rounds: int) -> Any:
    """The same parameters on other rows for a fixed number of rounds."""
    return _boost(spec, rows, rounds)


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
    watched = [] if held_out is None else [(_watched(held_out), "held_out")]
    return xgboost.train(
        {**chosen, **fixed}, _binned(rows), num_boost_round=rounds, evals=watched, evals_result=history,
        early_stopping_rounds=patience if watched else None, verbose_eval=False,
    )


def _threads(rows: Rows) -> int:
    """Threads change the time, never the model; on few rows they mostly wait for each other.

    7,043 rows x 19, 31 fits, on two busy cores: 8.6 CPU seconds with one thread, 60 with two, the same figures to the
    last digit.
    """
    return 1 if len(rows.label) < FEW_ROWS else settings().threads


def _binned(rows: Rows) -> Any:
    """The rows as the bins of the histogram method, a byte a value and no second copy of the floats; the same model as
    from a DMatrix, tree by tree."""
    import xgboost

    return xgboost.QuantileDMatrix(
        rows.matrix, label=rows.label, feature_names=list(rows.columns), nthread=settings().threads
    )


def _watched(rows: Rows) -> Any:
    """Rows that are predicted after every round. Not as bins: 50,000 rows x 78 took 29 ms a round from bins, 3 from
    floats, to the same losses."""
    return bundles.dmatrix(rows.matrix, rows.columns, label=rows.label)


def log_odds(booster: Any, rows: Rows) -> Floats:
    """Uncalibrated, (n,). Block by block: a DMatrix takes eight bytes a value, the rows half of that."""
    blocks = [rows.matrix[start:start + BLOCK] for start in range(0, len(rows.label), BLOCK)]
    found = [booster.predict(bundles.dmatrix(block, rows.columns), output_margin=True) for block in blocks]
    return np.concatenate(found).astype(np.float64) if found else np.empty(0)
