"""Lifetime value, first version: a constant monthly hazard times the recent margin, discounted.

Expected margin of the next n months = sum over m = 1..n of S(m - 1/2) * margin * (1 + i)^-(m - 1/2), where a month is
30 days, p the probability of leaving within 30 days and S(t) = (1 - p)^t the survival under a constant hazard. It is
the retention form of Berger and Nasr (1998), "Customer lifetime value: marketing models and applications", Journal of
Interactive Marketing 12(1), case 1, with money counted in the middle of each month: the leavers of a month pay part.

Known to fall short: hazards fall with tenure and rise at the end of a contract, and a constant one sees neither.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from pipelines.models.spec import Baseline, FirstChampion, Floor, Gate, Kind, ModelSpec, Purpose, Split

Floats = npt.NDArray[np.float64]

MONTHS: Final = 12
MONTH_DAYS: Final = 30
ANNUAL_DISCOUNT: Final = 0.08
MARGIN_COLUMN: Final = "margin_eur_30d"


def survival(probability_30d: npt.ArrayLike, months: float) -> Floats:
    """Share still there after so many 30-day months, at a constant hazard: (1 - p)^months. Shape (n,)."""
    p = np.asarray(probability_30d, dtype=np.float64)
    if np.any((p < 0) | (p > 1)):  # NaN passes both and stays NaN
        raise ValueError("a probability is outside [0, 1]")
    return np.asarray((1.0 - p) ** months, dtype=np.float64)


def expected_margin(
    probability_30d: npt.ArrayLike, margin_month: npt.ArrayLike, months: int, monthly_discount: float
) -> Floats:
    """Expected discounted margin of the next `months` 30-day months, EUR, one value per subscriber, shape (n,).

    `probability_30d` (n,) in [0, 1], `margin_month` (n,) EUR per 30 days (may be negative), `monthly_discount` a rate
    per month (0.0064 = 0.64 %). An unknown probability or margin (NaN) gives an unknown value, never zero.
    """
    if months < 1 or monthly_discount <= -1.0:
        raise ValueError(f"months {months} must be at least 1 and monthly_discount {monthly_discount} above -1")
    margin = np.asarray(margin_month, dtype=np.float64)
    weight = np.zeros(np.shape(probability_30d), dtype=np.float64)
    for month in range(1, months + 1):
        middle = month - 0.5
        weight += survival(probability_30d, middle) * (1.0 + monthly_discount) ** -middle
    return np.asarray(weight * margin, dtype=np.float64)


SPEC: Final = ModelSpec(
    name="ltv",
    kind=Kind.FORMULA,
    entity="subscriber",
    feature_service="ltv_v2",
    feature_tables=("roster", "ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care"),
    label="lbl_ltv",
    label_column="margin_eur_90d",
    horizon_days=90,
    grace_days=37,
    train_purpose=Purpose.MODEL_TRAINING,
    score_purpose=Purpose.ANALYTICS,
    parameters=MappingProxyType({
        "months": MONTHS,
        "monthly_discount": (1.0 + ANNUAL_DISCOUNT) ** (1 / 12) - 1.0,
        "survival_from": "churn",
        "margin_column": MARGIN_COLUMN,
    }),
    gate=Gate(
        min_rows=500,
        min_positives=0,
        floors=(
            Floor("spearman", 0.30),
            Floor("abs_total_bias", 0.25, is_ceiling=True),
        ),
        baselines=(
            # The first formula may not be worse than no model at all: what was billed, for ever.
            Baseline("billed_x_horizon", "rmse", by=0.0, lower_is_better=True),
        ),
        # Squared error, for an expectation: the mean error rewards the median, which is that nobody leaves.
        compare_on="rmse",
        non_inferiority=0.10,  # EUR
        first_champion=FirstChampion.FIRST_PASSING,
    ),
    split=Split(),
)
