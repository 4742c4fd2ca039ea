"""Why a lifetime value is high or low, from the two factors it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.reasons.top import distinct

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def value_reasons(
    margin_month: np.ndarray, survival: np.ndarray, months: int, churn_reason: pa.ChunkedArray
) -> list[pa.Array]:
    """Three columns of words: margin, expected stay, and the first reason of the churn score the stay comes from.

    The value is margin x an annuity of the stay, so each factor is compared with tonight's median of all scored, and
    the one further from it (as a share of that median) is said first; equal distance keeps margin first.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    middle_margin, middle_stay = float(np.median(margin_month)), float(np.median(survival))
    margin_code, margins = distinct(margin_month)
    stay_code, stays = distinct(np.rint(survival * 100) * 4 + np.sign(survival - middle_stay))
    words = pa.array([
        *(f"margin of {one:.2f} EUR a month, {_side(one - middle_margin)} the median {middle_margin:.2f}"
          for one in margins),
        *(f"{percent}% likely to be here in {months} months, {_side(above)} the median {middle_stay:.0%}"
          for percent, above in ((round(one / 4), one - 4 * round(one / 4)) for one in stays)),
    ], pa.string())
    stay_code += len(margins)
    margin_first = _distance(margin_month, middle_margin) >= _distance(survival, middle_stay)
    return [
        words.take(pa.array(np.where(margin_first, margin_code, stay_code))),
        words.take(pa.array(np.where(margin_first, stay_code, margin_code))),
        pc.binary_join_element_wise("stay: ", pc.fill_null(churn_reason, "nothing stands out"), ""),
    ]


def _side(above: float) -> str:
    return "at" if above == 0 else ("above" if above > 0 else "below")


def _distance(values: np.ndarray, middle: float) -> np.ndarray:
    import numpy as np

    return np.asarray(np.abs(values - middle) / max(abs(middle), 0.01))
