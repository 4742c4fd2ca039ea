"""Churn: the probability that a subscriber active at as_of leaves in [as_of, as_of + 30 days)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pipelines.models.spec import Baseline, FirstChampion, Floor, Gate, Kind, ModelSpec, Purpose, Slice, Split

SPEC: Final = ModelSpec(
    name="churn",
    kind=Kind.CLASSIFIER,
    entity="subscriber",
    feature_service="churn_v2",
    feature_tables=("roster", "ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care"),
    label="lbl_churn_30d",
    label_column="is_churned",
    horizon_days=30,
    grace_days=7,
    label_lookback_days=45,  # prepaid silence of 45 days may have begun before the cut-off
    train_purpose=Purpose.MODEL_TRAINING,
    score_purpose=Purpose.ANALYTICS,
    # No class weights and no resampling: the probabilities are used as probabilities. (scale_pos_weight left AUC flat
    # and took the calibration error from .02 to .14 on a public churn table.)
    parameters=MappingProxyType({
        "max_depth": 3,
        "learning_rate": 0.08,
        "min_child_weight": 5.0,
        "subsample": 0.8,
        "colsample_bytree": 0.6,
        "reg_lambda": 5.0,
        "max_rounds": 300,
        "early_stopping_rounds": 20,
    }),
    gate=Gate(
        min_rows=500,
        min_positives=50,
        floors=(
            Floor("auc", 0.60),
            Floor("ece", 0.05, is_ceiling=True),
        ),
        baselines=(
            Baseline("constant", "log_loss", by=0.0, lower_is_better=True),
            Baseline("logistic", "auc", by=-0.01),
        ),
        compare_on="auc",
        # Two standard errors at 50 leavers: .17 of the slope, .14 of the ratio. Log-odds twice as wide have a slope of
        # .5, a count 1.8 times too high would buy as many offers in vain.
        calibration=(
            Floor("calibration_slope", 0.6),
            Floor("calibration_slope", 1.6, is_ceiling=True),
            Floor("calibration_ratio", 0.65),
            Floor("calibration_ratio", 1.5, is_ceiling=True),
        ),
        first_champion=FirstChampion.FIRST_PASSING,
    ),
    split=Split(),
    slices=(
        Slice("operator"), Slice("region"), Slice("age_band"), Slice("segment"), Slice("contract_type"),
        Slice("plan_code"), Slice("tenure_days", (0, 90, 365, 730)), Slice("has_network"),
    ),
    intended_use=(
        "The probability that an active subscriber leaves within 30 days of as_of, for choosing whom retention calls, "
        "and for the survival a lifetime value stands on. A probability: it may be multiplied with money and summed."
    ),
    limits=(
        "Who is likely to leave is not who a call keeps: some are harmed by contact. Keep a random control group.",
        "It was learned with the campaigns of its time running; where they change, it must be judged anew.",
        "Not for prices, credit or service that a person is refused: it knows nothing of what is fair.",
        "A reason says what moved the score, not what made the subscriber unhappy.",
    ),
)
