"""One booster and its held-out predictions: folds are whole subscribers, the rounds the folds' common best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pipelines import bundle as bundles
from pipelines.settings import settings
from pipelines.training.folds import Array, Floats
from pipelines.training.recipe import FEW_ROWS

LOSS: Final = {"binary:logistic": "logloss", "reg:squarederror": "rmse"}


@dataclass(frozen=True)
class Boosted:
    """`final` was fitted on all rows; `by_fold[f]` on none of fold f's subscribers. All are cut to `rounds`."""

    final: Any
    by_fold: tuple[Any, ...]
    rounds: int
    columns: tuple[str, ...]

    def raw(self, matrix: Array, fold: Array | None = None) -> Floats:
        """Uncalibrated predictions (n,): of the final booster, or where `fold` (n,) is given of the one that did not
        see that fold."""
        if fold is None:
            return predict(self.final, matrix, self.columns)
        found = np.empty(len(matrix), dtype=np.float64)
        for number, booster in enumerate(self.by_fold):
            mine = fold == number
            if mine.any():
                found[mine] = predict(booster, matrix[mine], self.columns)
        return found


def boost(
    parameters: Mapping[str, Any], objective: str, matrix: Array, label: Floats, fold: Array, columns: Sequence[str],
    seed: int,
) -> Boosted:
    """Fit once per fold, stopped early on the held-out subscribers, then on everything for the common best rounds."""
    chosen = dict(parameters)
    most, patience = chosen.pop("max_rounds"), chosen.pop("early_stopping_rounds")
    fixed = {**chosen, "objective": objective, "eval_metric": LOSS[objective], "tree_method": "hist", "seed": seed,
             "nthread": 1 if len(label) < FEW_ROWS else settings().threads, "verbosity": 0}
    boosters, losses = [], []
    for number in range(int(fold.max(initial=-1)) + 1):
        booster, loss = _train(fixed, matrix, label, fold != number, columns, most, patience)
        boosters.append(booster)
        losses.append(loss)
    length = min(map(len, losses))
    rounds = int(np.argmin(np.mean([loss[:length] for loss in losses], axis=0))) + 1
    final, _ = _train(fixed, matrix, label, np.ones(len(label), dtype=bool), columns, rounds, None)
    return Boosted(final, tuple(booster[:rounds] for booster in boosters), rounds, tuple(columns))


def predict(booster: Any, matrix: Array, columns: Sequence[str]) -> Floats:
    """Log-odds of a logistic booster, the value itself of a regression; (n,)."""
    return bundles.margins(booster, matrix)


def _train(
    fixed: Mapping[str, Any], matrix: Array, label: Floats, mine: Array, columns: Sequence[str], rounds: int,
    patience: int | None,
) -> tuple[Any, list[float]]:
    import xgboost

    history: dict[str, Any] = {}
    watched = [] if patience is None else [(bundles.dmatrix(matrix[~mine], columns, label=label[~mine]), "held_out")]
    booster = xgboost.train(
        dict(fixed), bundles.dmatrix(matrix[mine], columns, label=label[mine]), num_boost_round=rounds, evals=watched,
        evals_result=history, early_stopping_rounds=patience, verbose_eval=False,
    )
    return booster, list(history["held_out"][fixed["eval_metric"]]) if watched else []
