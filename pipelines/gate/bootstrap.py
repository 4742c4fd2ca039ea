"""The paired bootstrap between a candidate and the champion, resampling subscribers, not rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.gate.metrics import NAN

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
Weighted = Callable[[Floats | None], float]

BINS = 10


def paired_gain(
    metric: str, truth: Array, candidate: Floats, champion: Floats, cluster: Array, *,
    rounds: int, confidence: float, seed: int,
) -> tuple[float, float]:
    """(gain, bound): how much better the candidate is, and the one-sided bound of it: lower at .975, upper at .025.

    All arrays (n,), row i of each about the same subscriber and cut-off; `cluster` says which subscriber. Percentile
    bootstrap (Efron and Tibshirani 1993, ch. 13) over clusters, because one subscriber's rows of neighbouring cut-offs
    are not independent. Positive is better, also for an error. NaN where the metric is undefined.
    """
    gain, draws = _resampled(metric, truth, candidate, champion, cluster, rounds=rounds, seed=seed)
    if not len(draws) or not np.all(np.isfinite(draws)):
        return gain, NAN  # a resample without one class: too few positives to say anything
    return gain, float(np.quantile(draws, 1.0 - confidence))


def paired_bounds(
    metric: str, truth: Array, candidate: Floats, others: Mapping[str, Floats], cluster: Array, *,
    rounds: int, confidence: float, seed: int,
) -> dict[str, float]:
    """The bound of `paired_gain` over each of several, all against the same resamples of the same rows."""
    measures = {name: _measures(metric, truth, candidate, other) for name, other in others.items()}
    _, place = np.unique(cluster, return_inverse=True)
    weights = resamples(place, rounds=rounds, seed=seed) if len(place) else iter(())
    draws = [[measure(weight) for measure in measures.values()] for weight in weights]
    found = np.array(draws).reshape(-1, len(measures)).T
    return {name: float(np.quantile(mine, 1.0 - confidence)) if len(mine) and np.all(np.isfinite(mine)) else NAN
            for name, mine in zip(measures, found, strict=True)}


def paired_error(
    metric: str, truth: Array, candidate: Floats, champion: Floats, cluster: Array, *,
    rounds: int, seed: int, most: int,
) -> tuple[float, float]:
    """(gain, its standard error by the same bootstrap). Of more than `most` clusters so many are drawn by seed for the
    error, which is then that of fewer: larger than the truth, never smaller."""
    gain = _measures(metric, truth, candidate, champion)(None)
    names, place = np.unique(cluster, return_inverse=True)
    if len(names) > most:
        kept = np.zeros(len(names), dtype=bool)
        kept[np.random.default_rng(seed).choice(len(names), size=most, replace=False)] = True
        rows = kept[place]
        truth, candidate, champion, cluster = truth[rows], candidate[rows], champion[rows], place[rows]
    _, draws = _resampled(metric, truth, candidate, champion, cluster, rounds=rounds, seed=seed)
    return gain, float(np.std(draws, ddof=1)) if len(draws) and np.all(np.isfinite(draws)) else NAN


def _resampled(
    metric: str, truth: Array, candidate: Floats, champion: Floats, cluster: Array, *, rounds: int, seed: int
) -> tuple[float, Floats]:
    """The gain, and that of `rounds` resamples of the clusters, (rounds,); none without a cluster."""
    measure = _measures(metric, truth, candidate, champion)
    names, place = np.unique(cluster, return_inverse=True)
    if not len(names):
        return NAN, np.empty(0)
    draws = [measure(weight) for weight in resamples(place, rounds=rounds, seed=seed)]
    return measure(None), np.array(draws)


def resamples(place: Array, *, rounds: int, seed: int) -> Iterator[Floats]:
    """The weights of the rows (n,) in each resample, `place` being the number of each row's cluster."""
    random, count = np.random.default_rng(seed), int(place.max()) + 1
    for _ in range(rounds):
        yield np.bincount(random.integers(count, size=count), minlength=count).astype(np.float64)[place]


def _measures(metric: str, truth: Array, candidate: Floats, champion: Floats) -> Weighted:
    """The gain as a function of the rows' weights, after the sorting that is done once. NaN when one score is unknown:
    a sort would put it above all others."""
    if not (np.all(np.isfinite(candidate)) and np.all(np.isfinite(champion))):
        return lambda weight: NAN
    if metric == "auc":
        ours, theirs = auc_of(truth, candidate), auc_of(truth, champion)
        return lambda weight: ours(weight) - theirs(weight)
    if metric == "rmse":
        new, old = (candidate - truth) ** 2, (champion - truth) ** 2
        return lambda weight: _root_mean(old, weight) - _root_mean(new, weight)
    if metric == "ece":
        fresh, stood = _binned(candidate), _binned(champion)
        return lambda weight: (_gaps(stood, truth, champion, weight) - _gaps(fresh, truth, candidate, weight))
    if metric == "abs_total_bias":
        return lambda weight: _bias(champion, truth, weight) - _bias(candidate, truth, weight)
    raise ValueError(f"no paired comparison on {metric!r}; there are auc, rmse, ece and abs_total_bias")


def auc_of(truth: Array, score: Floats) -> Weighted:
    """`metrics.auc` as a function of the weights: each leaver looks up how much of the stayers lies below it, ties
    counted half, so that a resample costs a pass over the stayers in their order and not a sort."""
    leaver, stayer = np.flatnonzero(truth > 0), np.flatnonzero(~(truth > 0))
    stayer = stayer[np.argsort(score[stayer], kind="stable")]
    ends = [np.searchsorted(score[stayer], score[leaver], side=side) for side in ("left", "right")]  # type: ignore[call-overload]

    def measure(weight: Floats | None) -> float:
        counts = np.ones(len(truth)) if weight is None else weight
        below = np.concatenate([[0.0], np.cumsum(counts[stayer])])
        gone = counts[leaver]
        pairs = gone.sum() * below[-1]
        return float(gone @ (below[ends[0]] + below[ends[1]]) / 2 / pairs) if pairs > 0 else NAN

    return measure


def _root_mean(squares: Floats, weight: Floats | None) -> float:
    if not len(squares):
        return NAN
    counts = np.ones(len(squares)) if weight is None else weight
    return float(np.sqrt(np.sum(counts * squares) / counts.sum()))  # no BLAS: its threads wait for each other


def _binned(probability: Floats) -> Array:
    """The bin of equal counts of each row, from the least to the most likely."""
    found = np.empty(len(probability), dtype=np.int64)
    for number, rows in enumerate(np.array_split(np.argsort(probability, kind="stable"), BINS)):
        found[rows] = number
    return found


def _gaps(bins: Array, truth: Array, probability: Floats, weight: Floats | None) -> float:
    """The calibration error over bins that stay as they are; NaN without rows or with an unknown score."""
    if not len(truth):
        return NAN
    counts = np.ones(len(truth)) if weight is None else weight
    return float(np.abs(np.bincount(bins, counts * (probability - truth), BINS)).sum() / counts.sum())


def _bias(amount: Floats, truth: Array, weight: Floats | None) -> float:
    """How far the total is off, as a share of the realised total."""
    counts = np.ones(len(truth)) if weight is None else weight
    total = float(np.sum(counts * truth))
    return abs(float(np.sum(counts * amount)) - total) / abs(total) if total else NAN
