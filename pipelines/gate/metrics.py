"""What a model is measured by: pure functions of labels and scores, NaN where a figure is not defined."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

NAN = float("nan")


def auc(label: Array, score: Floats, weight: Array | None = None) -> float:
    """Area under the ROC curve: P(a leaver scores above a stayer), ties counted half; NaN when a class is empty.

    `label` 0/1, `score`, `weight` of shape (n,). The Mann-Whitney form (Hanley and McNeil 1982).
    """
    return ordered_auc(*by_score(label, score), weight)


def by_score(label: Array, score: Floats) -> tuple[Array, Array, Array]:
    """Order of the rows by score, start of each run of equal scores, and the labels in that order."""
    order = np.argsort(score, kind="stable")
    ranked = np.asarray(score)[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.zeros(0, dtype=np.int64)
    return order, starts, np.asarray(label, dtype=np.float64)[order]


def ordered_auc(order: Array, starts: Array, label: Array, weight: Array | None) -> float:
    """`auc` on rows sorted once by `by_score`, for the many weights of a bootstrap."""
    if not len(order):
        return NAN
    counts = np.ones(len(order)) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    leavers = np.add.reduceat(counts * label, starts)
    stayers = np.add.reduceat(counts * (1.0 - label), starts)
    pairs = leavers.sum() * stayers.sum()
    if not pairs > 0:
        return NAN
    below = np.cumsum(stayers) - stayers
    return float((leavers * (below + 0.5 * stayers)).sum() / pairs)


def pr_auc(label: Array, score: Floats) -> float:
    """Average precision: sum of precision at each threshold times the recall gained there, ties taken together."""
    positives = float(np.sum(label))
    if not positives > 0:
        return NAN
    order = np.argsort(-np.asarray(score), kind="stable")
    ranked, hits = np.asarray(score)[order], np.asarray(label, dtype=np.float64)[order]
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    found = np.cumsum(hits)[ends]
    return float(np.sum(np.diff(np.r_[0.0, found]) / positives * found / (ends + 1)))


def brier(label: Array, probability: Floats) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    return float(np.mean((np.asarray(probability) - label) ** 2)) if len(label) else NAN


def log_loss(label: Array, probability: Floats) -> float:
    """Mean negative log-likelihood, in nats; probabilities are kept 1e-15 away from 0 and 1."""
    if not len(label):
        return NAN
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    y = np.asarray(label, dtype=np.float64)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)))


def reliability(label: Array, probability: Floats, bins: int = 10) -> list[dict[str, float]]:
    """Rows of {n, predicted, observed} over bins of equal counts, from the least to the most likely."""
    order = np.argsort(probability, kind="stable")
    return [
        {"n": len(rows), "predicted": float(np.mean(probability[rows])), "observed": float(np.mean(label[rows]))}
        for rows in np.array_split(order, bins) if len(rows)
    ]


def ece(label: Array, probability: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal counts (Nguyen and O'Connor 2015; Naeini et al. 2015)."""
    table = reliability(label, probability, bins)
    total = sum(row["n"] for row in table)
    return sum(row["n"] * abs(row["predicted"] - row["observed"]) for row in table) / total if total else NAN


def calibration(label: Array, probability: Floats) -> dict[str, float]:
    """How a set of probabilities is off as a whole: slope and ratio, both 1 when it is not.

    `calibration_slope` is that of the logistic regression of the label on the log-odds (Cox 1958, "Two further
    applications of a model for binary regression"): below 1 they are too extreme, above 1 too timid.
    `calibration_ratio` is the predicted count over the observed. NaN of one class, without rows, of a constant.
    """
    p, y = np.clip(np.asarray(probability, dtype=np.float64), 1e-15, 1 - 1e-15), np.asarray(label, dtype=np.float64)
    observed = float(y.sum())
    if not (0 < observed < len(y)) or not np.all(np.isfinite(p)):
        return {"calibration_slope": NAN, "calibration_ratio": NAN}
    return {"calibration_slope": _slope(np.log(p) - np.log1p(-p), y), "calibration_ratio": float(p.sum()) / observed}


def _slope(odds: Floats, label: Floats) -> float:
    """Newton's method from a slope of 1; NaN where it does not settle (separable, or all odds equal)."""
    centred = odds - odds.mean()
    if not np.any(np.abs(centred) > 1e-9):
        return NAN
    design, line = np.column_stack([centred, np.ones(len(odds))]), np.array([1.0, float(odds.mean())])
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ line, -40, 40)))
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, design.T @ (p - label))
        line = line - np.clip(step, -2.0, 2.0)
        if np.max(np.abs(step)) < 1e-9:
            return float(line[0])
    return NAN


def money(realised: Floats, predicted: Floats) -> dict[str, float]:
    """Figures of a model that gives amounts: total bias as a share of the realised total, rank order, errors in EUR."""
    if not len(realised) or not (np.all(np.isfinite(predicted)) and np.all(np.isfinite(realised))):
        return dict.fromkeys(("total_bias", "abs_total_bias", "spearman", "mae", "rmse"), NAN)
    total = float(np.sum(realised))
    bias = (float(np.sum(predicted)) - total) / abs(total) if total else NAN
    return {
        "total_bias": bias,
        "abs_total_bias": abs(bias),
        "spearman": spearman(realised, predicted),
        "mae": float(np.mean(np.abs(predicted - realised))),
        "rmse": float(np.sqrt(np.mean((predicted - realised) ** 2))),
    }


def spearman(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation with mean ranks for ties; NaN when either side is constant."""
    a, b = _ranks(one), _ranks(other)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread > 0 else NAN


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=np.float64)
