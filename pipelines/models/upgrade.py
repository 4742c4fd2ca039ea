"""Upgrade: the probability that a subscriber active at as_of moves to a dearer plan in [as_of, as_of + 60 days)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pipelines.models.spec import Baseline, Floor, Gate, Kind, ModelSpec, Purpose, Slice

SPEC: Final = ModelSpec(
    name="upgrade",
    kind=Kind.CLASSIFIER,
    entity="subscriber",
    feature_service="upgrade_v1",
    feature_tables=("roster", "ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care"),
    label="lbl_upgrade_60d",
    label_column="is_upgraded",
    horizon_days=60,
    grace_days=7,
    train_purpose=Purpose.MODEL_TRAINING,
    score_purpose=Purpose.ANALYTICS,
    outcome="chance",
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
        # One subscriber in a hundred upgrades in 60 days: an error of a point would be as large as the rate.
        floors=(Floor("auc", 0.60), Floor("ece", 0.01, is_ceiling=True)),
        baselines=(
            Baseline("constant", "log_loss", by=0.0, lower_is_better=True),
            Baseline("logistic", "auc", by=-0.01),
        ),
        compare_on="auc",
    ),
    slices=(
        Slice("operator"), Slice("region"), Slice("age_band"), Slice("segment"), Slice("contract_type"),
        Slice("plan_code"), Slice("tenure_days", (0, 90, 365, 730)), Slice("has_network"),
    ),
    intended_use=(
        "The probability that an active subscriber moves to a dearer plan within 60 days of as_of, by themselves and "
        "with the offers of its time: for choosing to whom a larger plan is worth showing."
    ),
    limits=(
        "Who is likely to upgrade may do so without an offer: what an offer adds needs a random control group.",
        "Who leaves within the 60 days counts as no upgrade.",
        "Dearer is told by the subscription's own price on the day its plan changes; no price list is needed.",
        "Not for credit, nor for a price or service that a person is refused.",
    ),
)
