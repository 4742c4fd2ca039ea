"""Does one feature alone tell the label? Then it most likely is the label, or was written down after it was known."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from pipelines.gate import metrics
from pipelines.training.folds import Array, Floats, folds
from pipelines.training.recipe import Rows

BINS: Final = 32
MAX_ROWS: Final = 200_000  # drawn by seed: an AUC of .95 with 2 % positives is then known to about .002
_HALVES: Final = 2


def alone(rows: Rows, categorical: Collection[str], *, seed: int) -> dict[str, float]:
    """AUC in [0, 1] of each feature used alone; NaN where a half of the subscribers holds one class only.

    A feature is cut into at most 32 quantile bins (a category is a bin, missing is one more), a row's score is the
    label's mean in its bin among the other half of the subscribers. So a leak shows whatever its shape: falling, in
    the middle, or in what is missing; and rows of one subscriber cannot vouch for each other.
    """
    if len(rows.label) > MAX_ROWS:
        drawn = np.random.default_rng(seed).choice(len(rows.label), size=MAX_ROWS, replace=False)
        rows = rows.take(np.sort(drawn))
    half, by_column = folds(rows.subscriber, _HALVES, "alone"), np.ascontiguousarray(rows.matrix.T)
    return {
        name: _auc(_bins(by_column[place], is_category=name in categorical), rows.label, half)
        for place, name in enumerate(rows.columns)
    }


def _bins(values: Array, *, is_category: bool) -> Array:
    """A bin number from 0 per row; the last is for missing values."""
    is_known = ~np.isnan(values)
    known = values[is_known]
    edges = np.unique(known if is_category else np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else known
    found = np.full(len(values), len(edges) + 1, dtype=np.int64)
    found[is_known] = np.searchsorted(edges, known, side="right")
    return found


def _auc(bins: Array, label: Floats, half: Array) -> float:
    """Mean over the halves of the AUC of the other half's rates, drawn towards the base rate by one row a bin."""
    size = int(bins.max(initial=0)) + 1
    figures = []
    for number in range(_HALVES):
        told, judged = half != number, half == number
        if len(np.unique(label[judged])) < 2 or not told.any():
            return float("nan")
        count = np.bincount(bins[told], minlength=size)
        rate = (np.bincount(bins[told], label[told], minlength=size) + label[told].mean()) / (count + 1)
        figures.append(metrics.auc(label[judged], rate[bins[judged]]))
    return float(np.mean(figures))
