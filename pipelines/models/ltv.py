"""Lifetime value: expected discounted margin of the next twelve months, a sum over months of survival x margin.

    value = sum over m = 1..n of (S_{m-1} + S_m) / 2 * margin_m * (1 + i)^-(m - 1/2)

A month is 30 days, S_0 = 1 and S_m = S_{m-1} (1 - h_m), where h_m is the probability of leaving in month m of who is
still there at its beginning: the discrete-time hazard of Singer and Willett (1993), "It's about time", Journal of
Educational Statistics 18(2). h_1 is the pinned churn champion's own probability. Leavers go evenly through a month, so
half of them pay for it, and money counts in the month's middle: the retention form of Berger and Nasr (1998),
"Customer lifetime value: marketing models and applications", Journal of Interactive Marketing 12(1).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from pipelines.models.spec import Baseline, FirstChampion, Floor, Gate, Kind, ModelSpec, Purpose, Slice, Split

Floats = npt.NDArray[np.float64]

MONTHS: Final = 12
MONTH_DAYS: Final = 30
ANNUAL_DISCOUNT: Final = 0.08
MARGIN_COLUMN: Final = "margin_eur_30d"


def survival(hazard: npt.ArrayLike) -> Floats:
    """Share still there at the end of months 0..n, shape (rows, n + 1), from monthly hazards (rows, n).

    Starts at 1 and never rises. A hazard outside [0, 1] raises ValueError; an unknown one (NaN) stays unknown.
    """
    h = np.asarray(hazard, dtype=np.float64)
    if h.ndim != 2 or h.shape[1] < 1:
        raise ValueError(f"hazards of shape {h.shape}: one row per subscriber and one column per month are needed")
    if np.any((h < 0) | (h > 1)):  # NaN passes both and stays NaN
        raise ValueError("a probability is outside [0, 1]")
    return np.hstack([np.ones((len(h), 1)), np.cumprod(1.0 - h, axis=1)])


def discount(months: int, monthly_discount: float) -> Floats:
    """Worth today of one euro in the middle of months 1..n, shape (n,)."""
    if months < 1 or monthly_discount <= -1.0:
        raise ValueError(f"months {months} must be at least 1 and monthly_discount {monthly_discount} above -1")
    return np.asarray((1.0 + monthly_discount) ** -(np.arange(1, months + 1) - 0.5), dtype=np.float64)


def expected_margin(stay: npt.ArrayLike, margin: npt.ArrayLike, monthly_discount: float) -> Floats:
    """Expected discounted margin, EUR, shape (rows,).

    `stay` (rows, n + 1) as `survival` gives it, `margin` (rows, n) EUR per month of who is there (may be negative),
    `monthly_discount` a rate per month (0.0064 = 0.64 %). An unknown survival or margin gives an unknown value.
    """
    s, m = np.asarray(stay, dtype=np.float64), np.asarray(margin, dtype=np.float64)
    if s.shape != (m.shape[0], m.shape[1] + 1):
        raise ValueError(f"survival {s.shape} and margin {m.shape}: n + 1 and n columns of the same rows are needed")
    present = (s[:, :-1] + s[:, 1:]) / 2
    return np.asarray(np.sum(present * m * discount(m.shape[1], monthly_discount), axis=1), dtype=np.float64)


def held(columns: npt.ArrayLike, months: int) -> Floats:
    """The first `months` columns; where there are fewer, the last one is held: nothing is extrapolated."""
    known = np.asarray(columns, dtype=np.float64)
    place = np.minimum(np.arange(months), known.shape[1] - 1)
    return np.asarray(known[:, place], dtype=np.float64)


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
        "coverage": 0.80,  # of the published interval
        "interval_by": "contract_type",  # whose groups the interval is corrected by
        "history_cutoffs": 53,  # weeks a person-period may span: a year
        "history_rows": 250_000,  # (subscriber, cut-off) rows that are read; whole subscribers are left out beyond
        "person_periods": 150_000,  # rows a head is fitted on
        "folds": 3,
        # Months are few and leaving is rare: shallow trees, heavy leaves. Few rounds, as every night pays for each.
        "hazard": {
            "max_depth": 3, "learning_rate": 0.1, "min_child_weight": 10.0, "subsample": 0.8, "colsample_bytree": 0.6,
            "reg_lambda": 5.0, "max_rounds": 120, "early_stopping_rounds": 15,
        },
        "ridge": 10.0,
        "price_column": "price_eur",
        # What the margin's gap to the list price is told by. Nothing that looks back further than 90 days: while the
        # history is young such a column tells the date, and the date then stands for what changed since.
        "margin_features": (
            "contract_type", "segment", "price_eur", "is_suspended", "product_count", "internet_technology",
            "has_voice", "has_multiple_lines", "has_mobile_data", "has_online_security", "has_online_backup",
            "has_device_protection", "has_tech_support", "has_streaming_tv", "has_streaming_movies", "billed_eur_30d",
            "billed_eur_90d", "invoice_count_90d", "billed_trend_ratio_90d", "days_since_last_invoice",
            "failed_payments_90d", "margin_eur_30d", "billed_sd_eur_90d", "active_days_30d", "days_since_last_use",
        ),
        "prepaid": ("contract_type", "prepaid"),
        "silence_days": 45,  # of prepaid silence that count as leaving, as in the churn label
        "margin_trend": ("contract_type", "price_eur"),  # what the monthly rise of the price may depend on
    }),
    gate=Gate(
        min_rows=500,
        min_positives=0,
        floors=(
            Floor("spearman", 0.30),
            Floor("abs_total_bias", 0.05, is_ceiling=True),
            Floor("interval_coverage", 0.75),
            Floor("interval_coverage", 0.85, is_ceiling=True),
            # The lower bound of the gain in RMSE over the best rival: better than every one by more than its interval.
            Floor("gain_over_rivals", 0.0),
        ),
        baselines=(
            Baseline("billed_x_horizon", "rmse", by=0.0, lower_is_better=True),
            Baseline("kaplan_meier", "rmse", by=0.0, lower_is_better=True),
        ),
        # Squared error, for an expectation: the mean error rewards the median, which is that nobody leaves.
        compare_on="rmse",
        superiority=0.10,  # EUR: less is worth no other list
        non_inferiority=0.10,
        max_slice_loss=0.50,  # EUR, a fortieth of the error on ninety days
        # Of the mean: the version measured .024 in its worst decile, the best of the simple rivals .177.
        calibration=(Floor("worst_decile_bias", 0.10, is_ceiling=True),),
        calibrated_by="abs_total_bias",
        max_calibration_loss=0.02,
        max_incoherent_share=0.10,
        first_champion=FirstChampion.FIRST_PASSING,
    ),
    split=Split(),
    slices=(Slice("operator"), Slice("contract_type"), Slice("segment"), Slice("tenure_days", (0, 90, 365, 730))),
    intended_use="Weighing what may be spent on keeping a subscriber, and the worth of the base: expected "
                 "discounted margin of twelve months, with its months and an interval.",
    limits=(
        "Twelve months, not a lifetime, without costs of winning or keeping anybody; it says nothing of what an offer "
        "would change.",
        "Months beyond those the history shows hold the last one seen: totals come out low rather than high.",
        "The interval is corrected on 90 days; that it holds over twelve months was measured on simulated houses only.",
        "For a prepaid line the margin is small and its rank weak (docs/reference/lifetime_value.md).",
    ),
)
