"""How far one night's scores lie from another's: the pure part of the jump guard and of the shadow's comparison."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.gate import Check
from pipelines.models.spec import Jump

Floats = npt.NDArray[np.float64]

TENTHS: Final = 10
NAN: Final = float("nan")


def ks(before: Floats, now: Floats) -> float:
    """Kolmogorov-Smirnov distance: the largest difference of the two shares at or below any score, in [0, 1].

    NaN without rows or with unknown scores. It needs no bins: published scores come in lumps, and the edges of tenths
    through a lump would call a move of the sixth digit a shift.
    """
    if not _known(before) or not _known(now):
        return NAN
    sides = [np.sort(values) for values in (before, now)]
    at = np.sort(np.concatenate(sides))  # in order, each look-up begins where the last one was
    shares = [np.searchsorted(values, at, side="right") / len(values) for values in sides]
    return float(np.max(np.abs(shares[0] - shares[1])))


def shift(before: Floats, now: Floats) -> float:
    """How far the distribution moved per row, as a share of |mean before|: the Wasserstein distance of order 1 between
    scores (n,) of the same n subscribers, which is the mean gap of the two in order. NaN where the mean is 0."""
    if not _known(before) or not _known(now):
        return NAN
    mean = abs(float(np.mean(before)))
    return float(np.mean(np.abs(np.sort(now) - np.sort(before)))) / mean if mean else NAN


def tenths(values: Floats) -> npt.NDArray[np.int64]:
    """1 for the tenth with the highest scores, 10 for the lowest; ties go by the order of the rows. Shape (n,)."""
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return rank * TENTHS // max(len(values), 1) + 1


def mean_change(before: Floats, now: Floats) -> float:
    """|mean now - mean before| as a share of |mean before|; NaN where that is 0 or unknown."""
    if not _known(before) or not _known(now):
        return NAN
    mean = float(np.mean(before))
    return abs(float(np.mean(now)) - mean) / abs(mean) if mean else NAN


def jump(before: Floats, now: Floats, bounds: Jump) -> tuple[Check, ...]:
    """Whether scores moved further than the band from one published night of a version to the next.

    Fewer than `min_rows` on either side: nothing can be said, and no check is made. An unknown figure is no pass.
    """
    if min(len(before), len(now)) < bounds.min_rows:
        return ()
    change, distance = mean_change(before, now), ks(before, now)
    means = f"{_shown(float(np.mean(before)))} to {_shown(float(np.mean(now)))}"
    return (
        Check("mean_change", change, bounds.max_mean_change, _at_most(change, bounds.max_mean_change),
              f"the mean score went from {means}: {_percent(change)}; at most {bounds.max_mean_change:.0%} is borne"),
        Check("ks", distance, bounds.max_ks, _at_most(distance, bounds.max_ks),
              f"the share at or below some score moved by {_percent(distance)}; at most {bounds.max_ks:.0%} is borne"),
    )


def _at_most(value: float, bound: float) -> bool:
    return math.isfinite(value) and value <= bound


def _known(values: Any) -> bool:
    return bool(len(values)) and bool(np.all(np.isfinite(values)))


def _percent(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else "an unknown share"


def _shown(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "unknown"
