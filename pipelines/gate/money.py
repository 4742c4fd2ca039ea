"""What a model of amounts is measured by beyond errors: rank, calibration by decile, interval, coherence. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.gate import metrics
from pipelines.gate.metrics import NAN

Floats = npt.NDArray[np.float64]

# A move smaller than this is rounding and noise: a tenth of the probability, a hundredth of the value.
RISK_MOVE: Final = 0.10
VALUE_MOVE: Final = 0.01
DECILES: Final = 10


def figures(realised: Floats, predicted: Floats) -> dict[str, float]:
    """Every figure of an expected amount against what came, EUR: those of `metrics.money`, Gini, the worst decile."""
    found = metrics.money(realised, predicted)
    if not math.isfinite(found["rmse"]):
        return {**found, "gini": NAN, "worst_decile_bias": NAN}
    table = deciles(realised, predicted)
    mean = abs(float(np.mean(realised)))
    worst = max(abs(row["predicted"] - row["observed"]) for row in table)
    return {**found, "gini": normalised_gini(realised, predicted), "worst_decile_bias": worst / mean if mean else NAN}


def normalised_gini(realised: Floats, predicted: Floats) -> float:
    """How well the prediction concentrates the money, as a share of what the realised order itself would: 1 is perfect,
    0 is chance. The Gini of Frees, Meyers and Cummings (2011), "Summarizing insurance scores using a Gini index"."""
    best = _gini(realised, realised)
    return _gini(realised, predicted) / best if math.isfinite(best) and best > 0 else NAN


def _gini(realised: Floats, by: Floats) -> float:
    total, n = float(np.sum(realised)), len(realised)
    if not n or not total > 0:
        return NAN
    share = np.cumsum(realised[np.argsort(-by, kind="stable")]) / total
    return float(np.sum(share) / n - (n + 1) / (2 * n))


def deciles(realised: Floats, predicted: Floats) -> list[dict[str, float]]:
    """Ten bins of equal counts by prediction, lowest first: n, mean predicted, mean observed, EUR."""
    order = np.argsort(predicted, kind="stable")
    return [
        {"n": float(len(part)), "predicted": float(predicted[part].mean()), "observed": float(realised[part].mean())}
        for part in np.array_split(order, DECILES) if len(part)
    ]


def interval(realised: Floats, low: Floats, high: Floats) -> dict[str, float]:
    """Share of the realised amounts inside [low, high], on either side of it, and the mean width, EUR."""
    if not len(realised) or not np.all(np.isfinite(low + high + realised)):
        return dict.fromkeys(("interval_coverage", "below_interval", "above_interval", "interval_width"), NAN)
    below, above = float(np.mean(realised < low)), float(np.mean(realised > high))
    return {"interval_coverage": 1.0 - below - above, "below_interval": below, "above_interval": above,
            "interval_width": float(np.mean(high - low))}


def intervals(
    realised: Floats, predicted: Floats, low: Floats, high: Floats, subscriber: npt.NDArray[Any], *,
    rounds: int, seed: int, coverage: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of the figures that are means or ratios of sums: bias, errors, coverage of the interval.

    Bootstrap over subscribers, whose rows of neighbouring cut-offs are not independent.
    """
    _, person = np.unique(subscriber, return_inverse=True)
    error = predicted - realised
    inside = ((realised >= low) & (realised <= high)).astype(np.float64)
    told = (np.ones(len(error)), realised, error, np.abs(error), error**2, inside, high - low)
    sums = np.column_stack([np.bincount(person, values) for values in told])
    random = np.random.default_rng(seed)
    share = np.full(len(sums), 1.0 / len(sums))
    drawn = np.array([random.multinomial(len(sums), share) @ sums for _ in range(rounds)])
    rows, total = drawn[:, 0], drawn[:, 1]
    figures = {
        "total_bias": drawn[:, 2] / np.abs(total), "mae": drawn[:, 3] / rows, "rmse": np.sqrt(drawn[:, 4] / rows),
        "interval_coverage": drawn[:, 5] / rows, "interval_width": drawn[:, 6] / rows,
    }
    ends = [(1 - coverage) / 2, (1 + coverage) / 2]
    return {name: (float(bottom), float(top)) for name, values in figures.items()
            for bottom, top in [np.quantile(values, ends)]}


def incoherent(risk: tuple[Floats, Floats], value_at_old_margins: tuple[Floats, Floats]) -> npt.NDArray[np.bool_]:
    """Who is told two stories: more likely to leave next month and yet worth more, without a margin reason. Shape (n,).

    `risk` before and after, P(leave in month one); `value_at_old_margins` before and after with only the survival
    renewed, so that a rise of it is no rise of the margin. Moves under RISK_MOVE and VALUE_MOVE do not count.
    """
    before, after = risk
    old, new = value_at_old_margins
    return np.asarray((after > before * (1 + RISK_MOVE)) & (new - old > VALUE_MOVE * np.abs(old)))


def shares(flags: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, float]:
    """The mean of every flag; NaN of one without rows: nothing was measured."""
    return {name: float(np.mean(flag)) if len(flag) else NAN for name, flag in flags.items()}
