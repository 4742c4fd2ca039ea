"""Simple rivals a model must earn its keep against: the base rate, a logistic regression, what was billed for ever."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pipelines.training.folds import Floats
from pipelines.training.recipe import Rows

if TYPE_CHECKING:
    import pandas as pd


def constant(train: Rows, count: int) -> Floats:
    """The training rows' share of positives, for everybody."""
    return np.full(count, float(np.mean(train.label)))


def logistic(train: Rows, judged: Rows, categories: Mapping[str, list[str]]) -> Floats:
    """Logistic regression on the same columns: categories one-hot, numbers standardised, ridge of strength 1.

    It cannot hold a missing value, so, in this baseline only, one becomes the training mean beside a flag saying so.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    fitted, applied = _design(train, train, categories), _design(train, judged, categories)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=1.0, max_iter=300).fit(fitted, train.label)
    return np.asarray(model.predict_proba(applied)[:, 1], dtype=np.float64)


def _design(train: Rows, rows: Rows, categories: Mapping[str, list[str]]) -> Floats:
    parts = []
    for place, name in enumerate(rows.columns):
        known, values = train.matrix[:, place].astype("float64"), rows.matrix[:, place].astype("float64")
        if name in categories:
            parts.append(values[:, None] == np.arange(len(categories[name])))
            continue
        present = known[~np.isnan(known)]
        mean, spread = (float(present.mean()), float(present.std())) if len(present) else (0.0, 0.0)
        missing = np.isnan(values)
        filled = (np.where(missing, mean, values) - mean) / (spread if spread > 0 else 1.0)
        parts.append(np.column_stack([np.clip(filled, -10, 10), missing]))
    return np.hstack([np.asarray(part, dtype=np.float64) for part in parts])


def billed_for_ever(frame: pd.DataFrame, months: float) -> Floats:
    """ARPU times horizon: what was billed in the last 30 days, every month, by everybody, EUR."""
    return np.asarray(frame["billed_eur_30d"].to_numpy(dtype=np.float64, na_value=np.nan) * months)


def margin_for_ever(frame: pd.DataFrame, margin_column: str, months: float) -> Floats:
    """The recent margin every month and nobody leaves, EUR."""
    return np.asarray(frame[margin_column].to_numpy(dtype=np.float64, na_value=np.nan) * months)
