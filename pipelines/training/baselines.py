"""Simple rivals a model must earn its keep against: the base rate, a logistic regression, what was billed for ever."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from pipelines.training.folds import Floats
from pipelines.training.recipe import BLOCK, Rows

MAX_ROWS: Final = 200_000

if TYPE_CHECKING:
    import pandas as pd


def constant(train: Rows, count: int) -> Floats:
    """The training rows' share of positives, for everybody."""
    return np.full(count, float(np.mean(train.label)))


def logistic(train: Rows, judged: Rows, categories: Mapping[str, list[str]], *, seed: int = 0) -> Floats:
    """Logistic regression on the same columns: categories one-hot, numbers standardised, ridge of strength 1.

    It cannot hold a missing value, so, in this baseline only, one becomes the training mean beside a flag saying so.
    Of more than 200,000 training rows so many are drawn by seed: it has some 150 numbers to find.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(train.label) > MAX_ROWS:
        drawn = np.random.default_rng(seed).choice(len(train.label), size=MAX_ROWS, replace=False)
        train = train.take(np.sort(drawn))
    scales = _scales(train, categories)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=1.0, max_iter=300).fit(
            _design(train, scales, categories), train.label)
    blocks = (judged.take(slice(start, start + BLOCK)) for start in range(0, len(judged.label), BLOCK))
    return np.concatenate([model.predict_proba(_design(rows, scales, categories))[:, 1] for rows in blocks])


def _scales(train: Rows, categories: Mapping[str, list[str]]) -> list[tuple[float, float]]:
    """Mean and spread of each column's known numbers; (0, 1) for a category and for a column nobody has."""
    found = []
    for place, name in enumerate(train.columns):
        values = train.matrix[:, place].astype("float64")
        present = values[~np.isnan(values)]
        if name in categories or not len(present):
            found.append((0.0, 1.0))
            continue
        spread = float(present.std())
        found.append((float(present.mean()), spread if spread > 0 else 1.0))
    return found


def _design(rows: Rows, scales: list[tuple[float, float]], categories: Mapping[str, list[str]]) -> Floats:
    """One column a category, two a number: its value and whether it is missing."""
    widths = [len(categories[name]) if name in categories else 2 for name in rows.columns]
    design, start = np.empty((len(rows.label), sum(widths))), 0
    for place, (name, width, (mean, spread)) in enumerate(zip(rows.columns, widths, scales, strict=True)):
        values, mine = rows.matrix[:, place].astype("float64"), design[:, start:start + width]
        start += width
        if name in categories:
            mine[:] = values[:, None] == np.arange(width)
            continue
        missing = np.isnan(values)
        mine[:, 0] = np.clip((np.where(missing, mean, values) - mean) / spread, -10, 10)
        mine[:, 1] = missing
    return design


def billed_for_ever(frame: pd.DataFrame, months: float) -> Floats:
    """ARPU times horizon: what was billed in the last 30 days, every month, by everybody, EUR."""
    return np.asarray(frame["billed_eur_30d"].to_numpy(dtype=np.float64, na_value=np.nan) * months)


def margin_for_ever(frame: pd.DataFrame, margin_column: str, months: float) -> Floats:
    """The recent margin every month and nobody leaves, EUR."""
    return np.asarray(frame[margin_column].to_numpy(dtype=np.float64, na_value=np.nan) * months)
