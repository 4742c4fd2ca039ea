"""Challenger beside champion on the same night, as numbers, and the verdict on the nights together. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.clock import parse_day
from pipelines.gate import Check, Verdict
from pipelines.gate.evidence import finite_or_none
from pipelines.gate.metrics import spearman
from pipelines.models.spec import Shadow
from pipelines.scoring.distribution import ks, mean_change, shift, tenths

Floats = npt.NDArray[np.float64]

NAN = float("nan")


@dataclass(frozen=True)
class Comparison:
    """One night. `unmatched` subscribers were scored by only one of the two; the figures are of the `rows` others."""

    as_of: date
    champion: int
    champion_sha256: str
    challenger: int
    challenger_sha256: str
    rows: int
    unmatched: int
    agreement: float          # share in the same tenth
    rank_correlation: float   # Spearman's
    top_decile_churn: float   # share of the champion's top tenth that is not in the challenger's
    shift: float              # how far the distribution moved, as a share of the champion's mean
    ks: float                 # Kolmogorov-Smirnov distance, told only: calibrators by steps make lumps of scores
    mean_change: float        # told, not judged: of two calibrated models either may be right

    def as_dict(self) -> dict[str, Any]:
        """For JSON: a figure that is not finite becomes null."""
        return {**finite_or_none(asdict(self)), "as_of": self.as_of.isoformat()}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Comparison:
        """Back from JSON. A null figure was not finite."""
        known: dict[str, Any] = {name: NAN if value is None else value for name, value in content.items()}
        return cls(**{**known, "as_of": parse_day(str(content["as_of"]))})


def figures(champion: Floats, challenger: Floats) -> dict[str, float]:
    """The figures of one night, of scores (n,) of the same subscribers in the same order; NaN without rows."""
    if not len(champion) or not (np.all(np.isfinite(champion)) and np.all(np.isfinite(challenger))):
        return dict.fromkeys(("agreement", "rank_correlation", "top_decile_churn", "shift", "ks", "mean_change"), NAN)
    one, other = tenths(champion), tenths(challenger)
    return {
        "agreement": float(np.mean(one == other)),
        "rank_correlation": spearman(champion, challenger),
        "top_decile_churn": float(np.mean(other[one == 1] != 1)),
        "shift": shift(champion, challenger),
        "ks": ks(champion, challenger),
        "mean_change": mean_change(champion, challenger),
    }


def judge(nights: Sequence[Comparison], bounds: Shadow) -> Verdict:
    """The verdict on a shadow: every figure of its worst night within the spec's bounds. An unknown is never a pass."""
    found = len(nights)
    checks = [
        Check("shadow_nights", float(found), float(bounds.nights), found >= bounds.nights,
              f"scored beside the champion on {found} nights; {bounds.nights} are needed"),
        Check("shadow_everyone", float(sum(night.unmatched for night in nights)), 0.0,
              bool(nights) and not any(night.unmatched for night in nights),
              _everyone(nights)),
        _worst(nights, "agreement", bounds.min_agreement, "of the subscribers are in the same tenth", at_least=True),
        _worst(nights, "rank_correlation", bounds.min_rank_correlation, "rank correlation with the champion's scores",
               at_least=True, shown=lambda value: f"{value:.3f}"),
        _worst(nights, "top_decile_churn", bounds.max_top_decile_churn,
               "of the champion's top tenth are not in the challenger's", at_least=False),
        _worst(nights, "shift", bounds.max_shift, "of the champion's mean is how far the distribution moved",
               at_least=False),
    ]
    reasons = tuple(check.sentence for check in checks if not check.passed)
    return Verdict(passed=not reasons, checks=tuple(checks), reasons=reasons)


def _worst(
    nights: Sequence[Comparison], name: str, bound: float, words: str, *, at_least: bool,
    shown: Callable[[float], str] = lambda value: f"{value:.1%}",
) -> Check:
    """The check of one figure on the night where it is worst; an unknown one is the worst."""
    def badness(night: Comparison) -> float:
        value = float(getattr(night, name))
        return math.inf if not math.isfinite(value) else (-value if at_least else value)

    limit = f"at least {shown(bound)} is needed" if at_least else f"at most {shown(bound)} is borne"
    if not nights:
        return Check(f"shadow_{name}", NAN, bound, False, f"{name}: no night to look at; {limit}")
    worst = max(nights, key=badness)
    value = float(getattr(worst, name))
    passed = math.isfinite(value) and (value >= bound if at_least else value <= bound)
    told = shown(value) if math.isfinite(value) else "unknown"
    return Check(f"shadow_{name}", value, bound, passed, f"{told} {words} on the worst night, {worst.as_of}; {limit}")


def _everyone(nights: Sequence[Comparison]) -> str:
    apart = [night for night in nights if night.unmatched]
    if not apart:
        return "both scored the same subscribers every night" if nights else "no night to look at"
    return f"{apart[0].unmatched} subscribers were scored by only one of the two on {apart[0].as_of}; none is borne"
