"""Whether each subscriber is still the one of the night before: a wrong join keeps every margin and breaks this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from pipelines.monitoring.measure import Family, Measure

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

FEWEST: Final = 50  # common subscribers with both values
REORDERED: Final = "reordered"
CHANGED: Final = "changed"


def measure(before: pd.DataFrame, now: pd.DataFrame, columns: Sequence[str]) -> list[Measure]:
    """One number per column over the subscribers of both frames (plain form, indexed by subscriber).

    Numbers: `reordered`, one minus Spearman's rank correlation of the two nights, 0 when everybody kept their place and
    1 when values were dealt out anew. Text: `changed`, the share with another value.
    """
    common = before.index.intersection(now.index)
    past, present = before.loc[common], now.loc[common]
    return [_column(past[name], present[name], name) for name in columns if name in past and name in present]


def spearman(left: Floats, right: Floats) -> float | None:
    """Spearman's rank correlation of two float64 (n,) without gaps, ties by mean rank; None where one is constant."""
    from scipy.stats import rankdata

    if len(left) < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(np.corrcoef(rankdata(left), rankdata(right))[0, 1])


def _column(past: pd.Series, present: pd.Series, name: str) -> Measure:
    is_number = past.dtype == present.dtype == "float64"
    kind = REORDERED if is_number else CHANGED
    both = (past.notna() & present.notna()).to_numpy()
    if both.sum() < FEWEST:
        return Measure(Family.CONTINUITY, kind, name, None, detail=f"{int(both.sum())} subscribers have both values")
    if not is_number:
        other = float((past[both].astype(str).to_numpy() != present[both].astype(str).to_numpy()).mean())
        return Measure(Family.CONTINUITY, kind, name, other)
    kept = spearman(past[both].to_numpy(), present[both].to_numpy())
    if kept is None:
        return Measure(Family.CONTINUITY, kind, name, None, detail="constant on one of the nights")
    return Measure(Family.CONTINUITY, kind, name, 1.0 - kept)
