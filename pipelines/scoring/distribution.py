"""How far one night's scores lie from another's: the pure part of the jump guard and of the shadow's comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.gate import Check
from pipelines.models.spec import Jump, Kind

Floats = npt.NDArray[np.float64]

# The column of a score partition that a person would call the score.
MEASURE: Final[Mapping[Kind, str]] = {Kind.CLASSIFIER: "churn_probability", Kind.FORMULA: "ltv_eur_12m"}
TENTHS: Final = 10
NAN: Final = float("nan")


def psi(before: Floats, now: Floats) -> float:
    """Population stability index of `now` over the tenths of `before`; NaN without rows or with unknown scores.

    sum (q - p) ln(q / p) over bins cut at the quantiles of `before` (Siddiqi, "Credit Risk Scorecards", 2006). Half a
    row is added to every bin, so that an empty one is far and not infinitely far.
    """
    if not _known(before) or not _known(now):
        return NAN
    edges = np.unique(np.quantile(before, np.linspace(0, 1, TENTHS + 1)[1:-1]))
    shares = []
    for values in (before, now):
        counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    p, q = shares
    return float(np.sum((q - p) * np.log(q / p)))


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
    change, index = mean_change(before, now), psi(before, now)
    means = f"{_shown(float(np.mean(before)))} to {_shown(float(np.mean(now)))}"
    return (
        Check("mean_change", change, bounds.max_mean_change, _at_most(change, bounds.max_mean_change),
              f"the mean score went from {means}, by {_percent(change)}; at most {bounds.max_mean_change:.0%} is usual"),
        Check("psi", index, bounds.max_psi, _at_most(index, bounds.max_psi),
              f"the tenths moved: PSI {_shown(index)}, at most {bounds.max_psi:g} is usual"),
    )


def _at_most(value: float, bound: float) -> bool:
    return math.isfinite(value) and value <= bound


def _known(values: Any) -> bool:
    return bool(len(values)) and bool(np.all(np.isfinite(values)))


def _percent(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else "an unknown share"


def _shown(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "unknown"
