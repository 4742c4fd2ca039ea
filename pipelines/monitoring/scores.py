"""The scores themselves, against what the version gave on quiet weeks or on its own first nights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pipelines.monitoring.measure import Family, Measure
from pipelines.scoring.distribution import ks

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

KS: Final = "ks"
SUBJECT: Final = "all scores"
KEPT: Final = 1_001  # quantiles that stand for a sample of scores: a distance read from them is off by at most .001


def measure(before: Floats, now: Floats, since: str) -> Measure:
    """The Kolmogorov-Smirnov distance of tonight's scores from earlier ones; `since` says of when those are."""
    past, present = before[np.isfinite(before)], now[np.isfinite(now)]
    if not len(past) or not len(present):
        return Measure(Family.SCORE, KS, SUBJECT, None, detail=f"{len(past)} scores {since}, {len(present)} tonight")
    told = f"mean {past.mean():.4g} {since}, {present.mean():.4g} tonight"
    return Measure(Family.SCORE, KS, SUBJECT, ks(past, present), detail=told)


def quantiles(scores: Floats) -> list[float]:
    """At most KEPT values that are distributed as the finite ones of the sample."""
    known = np.sort(scores[np.isfinite(scores)])
    if len(known) <= KEPT:
        return [float(one) for one in known]
    return [float(one) for one in known[np.linspace(0, len(known) - 1, KEPT).round().astype(int)]]
