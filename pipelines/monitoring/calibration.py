"""From how a measure behaved in quiet weeks to the bound from which on it is an alarm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pipelines.monitoring.measure import Family, Measure

Key = tuple[str, str, str]  # family, name, subject
Points = Sequence[tuple[int, float]]  # (days after the version's training, negative before it; the value then)

ENOUGH: Final = 6   # quiet points; with fewer the bound is the fallback
SPREADS: Final = 6.0  # robust standard deviations above the level: 2 in a billion of a normal one, rare in a heavy one
NORMAL: Final = 1.4826  # of the median absolute deviation, to a standard deviation (Rousseeuw and Croux 1993)


@dataclass(frozen=True)
class Quiet:
    """A measure in quiet weeks: where it usually stood, its rise per day, its spread, and by how much more the newest
    point stood above that: it is of the day the version was trained on, and the weeks before may have been known
    otherwise (a day-zero dump assumes that usage is told a day later than it is)."""

    level: float
    slope: float
    spread: float
    step: float
    points: int

    def bound(self, days: int, margin: float = 0.0) -> float:
        """For a night so many days after training; at least `margin` above what is expected of it.

        The new level after a step is known from one point: a quarter of the step is allowed on top.
        """
        expected = self.level + 1.25 * self.step + self.slope * max(days, 0)
        return expected + max(SPREADS * self.spread, margin)


@dataclass(frozen=True)
class Limits:
    """Of one measure by name: the least bound given the noise of its samples, and the bound when nothing calibrates it.

    `noise` is sqrt(1/rows before + 1/rows tonight). `rises`: against a fixed reference, so that a column with a trend
    by construction (a sum over a year in a young house) moves off by itself; its past slope is then allowed to go on.
    From `blind` on a bound is given up: the measure is shown and decides nothing.
    """

    least: Callable[[float], float]
    fallback: float
    rises: bool = False
    blind: float = math.inf
    is_square: bool = False  # a PSI grows with the square of a shift; level, slope and spread are of its root


LIMITS: Final[Mapping[tuple[Family, str], Limits]] = {
    # Under no change PSI is chi-squared with bins - 1 degrees of freedom times noise squared (Yurdakul 2018); 15 bins,
    # four standard deviations. Below .05 a shift is too small to act upon.
    (Family.INPUT, "psi"): Limits(lambda noise: max(0.05, 35 * noise**2), 0.25, rises=True, is_square=True),
    (Family.INPUT, "wasserstein"): Limits(lambda noise: max(0.10, 3 * noise), 0.50, rises=True),
    (Family.INPUT, "missing"): Limits(lambda noise: max(0.03, 2.5 * noise), 0.10, rises=True),
    (Family.INPUT, "new_categories"): Limits(lambda noise: max(0.01, 5 * noise**2), 0.05, rises=True),
    (Family.CONTINUITY, "reordered"): Limits(lambda noise: 0.05, 0.30, blind=0.8),
    (Family.CONTINUITY, "changed"): Limits(lambda noise: 0.02, 0.20, blind=0.8),
    (Family.ASSOCIATION, "lost"): Limits(lambda noise: max(0.10, 4 * noise), 0.30, rises=True),
    (Family.CLASSIFIER, "auc"): Limits(lambda noise: max(0.60, 0.5 + 1.5 * noise), 0.75, blind=0.95),
    # Kolmogorov-Smirnov: 1.95 x noise is passed once in a thousand (Smirnov 1948).
    (Family.SCORE, "ks"): Limits(lambda noise: max(0.05, 2.2 * noise), 0.15, rises=True),
}
PEERS: Final = Limits(lambda noise: 6.0, 10.0)  # in standard errors, whatever the column


def quiet(points: Points, *, rises: bool, is_square: bool = False) -> Quiet | None:
    """Level (median), slope (Theil-Sen), spread (MAD) and step of a measure's past; None with fewer than ENOUGH finite
    points."""
    import numpy as np

    known = [(day, math.sqrt(max(value, 0.0)) if is_square else value) for day, value in points if math.isfinite(value)]
    if len(known) < ENOUGH:
        return None
    day, value = (np.array(part, dtype=np.float64) for part in zip(*sorted(known), strict=True))
    slope = max(_theil_sen(day, value), 0.0) if rises else 0.0
    flat = value - slope * day
    middle = float(np.median(flat))
    spread = NORMAL * float(np.median(np.abs(flat - middle)))
    return Quiet(middle, slope, spread, max(float(flat[-1]) - middle, 0.0), len(known))


def _theil_sen(day: object, value: object) -> float:
    """The median slope over all pairs of points (Theil 1950, Sen 1968)."""
    import numpy as np

    x, y = np.asarray(day, dtype=np.float64), np.asarray(value, dtype=np.float64)
    left, right = np.triu_indices(len(x), k=1)
    apart = x[right] != x[left]
    if not apart.any():
        return 0.0
    return float(np.median((y[right] - y[left])[apart] / (x[right] - x[left])[apart]))


def limits_of(measure: Measure) -> Limits | None:
    """By family and name; of a cohort against its peers the name is any column."""
    return PEERS if measure.family is Family.PEERS else LIMITS.get((measure.family, measure.name))


def bounded(measure: Measure, past: Points, days: int, before: int, now: int) -> Measure:
    """The measure with its bound for a night so many days after the version's training, by samples of these sizes.

    The bound is never below what noise alone reaches; without enough quiet points it is the fallback and says so.
    """
    limits = limits_of(measure)
    if limits is None or measure.value is None or not math.isfinite(measure.value) or not before or not now:
        return measure
    least = limits.least(math.sqrt(1 / before + 1 / now))
    behaviour = quiet(past, rises=limits.rises, is_square=limits.is_square)
    if behaviour is None:
        told = f"bound not calibrated: {len(past)} quiet points, {ENOUGH} wanted"
        return replace(measure, bound=max(limits.fallback, least), detail=_joined(measure.detail, told))
    # A trend without any scatter still has samples with noise: half of the least, which counts from none.
    margin = (math.sqrt(least) if limits.is_square else least) / 2 if limits.rises else 0.0
    bound = behaviour.bound(days, margin)
    bound = max(bound * abs(bound) if limits.is_square else bound, least)
    if bound >= limits.blind:
        return replace(measure, detail=_joined(measure.detail, "moves too much on quiet nights to decide anything"))
    return replace(measure, bound=bound)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
