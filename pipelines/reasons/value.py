"""Why a lifetime value is high or low, from the two factors it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def value_reasons(
    margin_month: np.ndarray, survival: np.ndarray, months: int, churn_reason: pd.Series
) -> list[np.ndarray]:
    """Three columns of words: margin, expected stay, and the first reason of the churn score the stay comes from.

    The value is margin x an annuity of the stay, so each factor is compared with tonight's median of all scored, and
    the one further from it (as a share of that median) is said first; equal distance keeps margin first.
    """
    import numpy as np

    middle_margin, middle_stay = float(np.median(margin_month)), float(np.median(survival))
    margin_words = np.array([
        f"margin of {one:.2f} EUR a month, {_side(one, middle_margin)} the median {middle_margin:.2f}"
        for one in margin_month.tolist()
    ], dtype=object)
    stay_words = np.array([
        f"{one:.0%} likely to be here in {months} months, {_side(one, middle_stay)} the median {middle_stay:.0%}"
        for one in survival.tolist()
    ], dtype=object)
    margin_first = _distance(margin_month, middle_margin) >= _distance(survival, middle_stay)
    third = "stay: " + churn_reason.fillna("nothing stands out").astype(str)
    return [
        np.where(margin_first, margin_words, stay_words),
        np.where(margin_first, stay_words, margin_words),
        third.to_numpy(dtype=object),
    ]


def _side(value: float, middle: float) -> str:
    return "at" if value == middle else ("above" if value > middle else "below")


def _distance(values: np.ndarray, middle: float) -> np.ndarray:
    import numpy as np

    return np.asarray(np.abs(values - middle) / max(abs(middle), 0.01))
