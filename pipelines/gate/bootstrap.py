"""The paired bootstrap between a candidate and the champion, resampling subscribers, not rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.gate.metrics import NAN, by_score, ordered_auc

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
Weighted = Callable[[Floats | None], float]


def paired_gain(
    metric: str, truth: Array, candidate: Floats, champion: Floats, cluster: Array, *,
    rounds: int, confidence: float, seed: int,
) -> tuple[float, float]:
    """(gain, lower bound): how much better the candidate is, and the one-sided bound of it at `confidence`.

    All arrays (n,), row i of each about the same subscriber and cut-off; `cluster` says which subscriber. Percentile
    bootstrap (Efron and Tibshirani 1993, ch. 13) over clusters, because one subscriber's rows of neighbouring cut-offs
    are not independent. Positive is better, also for an error. NaN where the metric is undefined.
    """
    measure = _measures(metric, truth, candidate, champion)
    gain = measure(None)
    names, place = np.unique(cluster, return_inverse=True)
    if not len(names):
        return NAN, NAN
    random = np.random.default_rng(seed)
    share = np.full(len(names), 1.0 / len(names))
    draws = np.empty(rounds)
    for position in range(rounds):
        draws[position] = measure(random.multinomial(len(names), share)[place].astype(np.float64))
    if not np.all(np.isfinite(draws)):
        return gain, NAN  # a resample without one class: too few positives to say anything
    return gain, float(np.quantile(draws, 1.0 - confidence))


def _measures(metric: str, truth: Array, candidate: Floats, champion: Floats) -> Weighted:
    if metric == "auc":
        ours, theirs = by_score(truth, candidate), by_score(truth, champion)
        return lambda weight: ordered_auc(*ours, weight) - ordered_auc(*theirs, weight)
    if metric == "rmse":
        new, old = (candidate - truth) ** 2, (champion - truth) ** 2
        return lambda weight: _root_mean(old, weight) - _root_mean(new, weight)
    raise ValueError(f"no paired comparison on {metric!r}; there are auc and rmse")


def _root_mean(squares: Floats, weight: Floats | None) -> float:
    return float(np.sqrt(np.average(squares, weights=weight))) if len(squares) else NAN
