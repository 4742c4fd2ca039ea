"""Every figure of a classifier on one set of rows, and how far each would move with other subscribers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.gate import metrics

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

NAN = float("nan")
SHARES: Final = (0.01, 0.05, 0.10, 0.20)
BINS: Final = 10
RANKING: Final = (
    "pr_auc", *(f"{figure}_at_{share:.0%}".rstrip("%") for figure in ("lift", "capture") for share in SHARES),
)
NAMES: Final = ("auc", "brier", "log_loss", "ece", "ece_top_decile", *RANKING)
# Subscribers drawn for an interval: more would make it narrower than anyone needs and slower than anyone likes.
MAX_CLUSTERS: Final = 50_000


class Ranked:
    """Rows sorted once by score, so that a resample costs a pass and not a sort.

    `label` 0/1 and `probability` in [0, 1], both (n,). Equal scores are taken together in every figure: a constant
    has lift 1 whatever the order of its rows.
    """

    def __init__(self, label: Array, probability: Floats) -> None:
        self.order, self.starts, self.label = metrics.by_score(label, probability)
        self.score = np.asarray(probability, dtype=np.float64)[self.order]
        self.squares = (self.score - self.label) ** 2
        clipped = np.clip(self.score, 1e-15, 1 - 1e-15)
        self.nats = -(self.label * np.log(clipped) + (1 - self.label) * np.log1p(-clipped))
        sizes = [len(part) for part in np.array_split(self.order, BINS)]
        self.bin = np.repeat(np.arange(BINS), sizes)
        self.is_known = bool(np.all(np.isfinite(self.score)))

    def figures(self, weight: Array | None = None) -> dict[str, float]:
        """NAMES -> value, with whole-number weights per row in the order the rows were given, or each row once.

        NaN where a figure is not defined (one class, no rows, a score that is not finite).
        """
        if not self.is_known or not len(self.order):
            return dict.fromkeys(NAMES, NAN)
        counts = np.ones(len(self.order)) if weight is None else np.asarray(weight, dtype=np.float64)[self.order]
        total = counts.sum()
        gaps = np.bincount(self.bin, counts * (self.score - self.label), BINS)
        sizes = np.bincount(self.bin, counts, BINS)
        found = {
            "auc": metrics.ordered_auc(self.order, self.starts, self.label, weight),
            "brier": float(counts @ self.squares / total),
            "log_loss": float(counts @ self.nats / total),
            "ece": float(np.abs(gaps).sum() / total),
            "ece_top_decile": float(abs(gaps[-1]) / sizes[-1]) if sizes[-1] > 0 else NAN,
        }
        found |= self._ranking(counts)
        return {name: found[name] for name in NAMES}

    def auc_alone(self, weight: Array) -> dict[str, float]:
        """Only the AUC, for the many intervals of segments."""
        known = self.is_known and len(self.order) > 0
        return {"auc": metrics.ordered_auc(self.order, self.starts, self.label, weight) if known else NAN}

    def _ranking(self, counts: Floats) -> dict[str, float]:
        """Average precision, and the leavers among the likeliest 1, 5, 10 and 20 %: as a share of all (capture), and
        as a multiple of what as many drawn by lot would hold (lift)."""
        rows = np.cumsum(np.add.reduceat(counts, self.starts)[::-1])
        hits = np.cumsum(np.add.reduceat(counts * self.label, self.starts)[::-1])
        if not hits[-1] > 0:
            return dict.fromkeys(RANKING, NAN)
        seen = rows > 0
        precision = hits[seen] / rows[seen]
        found = {"pr_auc": float(np.diff(np.r_[0.0, hits[seen]]) @ precision / hits[-1])}
        for share in SHARES:
            captured = float(np.interp(share * rows[-1], np.r_[0.0, rows], np.r_[0.0, hits]) / hits[-1])
            name = f"{share:.0%}".rstrip("%")
            found |= {f"lift_at_{name}": captured / share, f"capture_at_{name}": captured}
        return found


def classification(label: Array, probability: Floats) -> dict[str, float]:
    """Every figure of a model that gives probabilities. NaN in, NaN out: the gate refuses what is not finite."""
    return Ranked(label, probability).figures()


def intervals(
    label: Array, probability: Floats, cluster: Array, *, rounds: int, seed: int, confidence: float = 0.95,
    only_auc: bool = False, most: int = MAX_CLUSTERS,
) -> dict[str, tuple[float, float]]:
    """Figure -> (low, high) by the percentile bootstrap over clusters (subscribers), two-sided.

    Efron and Tibshirani (1993), ch. 13; clusters because rows of one subscriber at neighbouring cut-offs are not
    independent. Of more than `most` subscribers so many are drawn by seed and the interval is theirs: wider than the
    truth, never narrower. The calibration error is biased upwards in a resample; its interval is too.
    """
    random = np.random.default_rng(seed)
    names, place = np.unique(cluster, return_inverse=True)
    if len(names) > most:
        kept = np.zeros(len(names), dtype=bool)
        kept[random.choice(len(names), size=most, replace=False)] = True
        rows = kept[place]
        label, probability = label[rows], probability[rows]
        names, place = np.unique(place[rows], return_inverse=True)
    wanted = ("auc",) if only_auc else NAMES
    if not len(names):
        return dict.fromkeys(wanted, (NAN, NAN))
    ranked, share = Ranked(label, probability), np.full(len(names), 1.0 / len(names))
    measure = ranked.auc_alone if only_auc else ranked.figures
    draws = [measure(random.multinomial(len(names), share)[place]) for _ in range(rounds)]
    return {name: _bounds([draw[name] for draw in draws], confidence) for name in wanted}


def _bounds(draws: list[float], confidence: float) -> tuple[float, float]:
    """Quantiles of the draws; unknown when any draw is (a resample without one class: too few to say anything)."""
    if not all(map(math.isfinite, draws)):
        return NAN, NAN
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def deciles(label: Array, probability: Floats) -> list[Mapping[str, float]]:
    """Tenths from the least to the most likely: n, mean predicted and observed rate, share of leavers from here up."""
    table = metrics.reliability(label, probability)
    leavers = [row["n"] * row["observed"] for row in table]
    total = sum(leavers)
    return [
        {**row, "captured": sum(leavers[place:]) / total if total else NAN} for place, row in enumerate(table)
    ]
