"""Evaluate the lifetime-value formula on matured margins; it is not fitted, it pins the churn version it stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines import bundle as bundles
from pipelines import champions
from pipelines.champions import Champion
from pipelines.errors import NotEnoughData
from pipelines.gate import Evaluation, metrics
from pipelines.models import ltv
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report
from pipelines.training import baselines, frames
from pipelines.training.candidate import Candidate
from pipelines.training.folds import Floats

if TYPE_CHECKING:
    import pandas as pd


def pinned(spec: ModelSpec, as_of: date) -> Champion:
    """The champion whose probabilities the formula uses: the one in force at as_of; NotEnoughData without one."""
    source = spec.parameters["survival_from"]
    champion = champions.in_force(source, as_of)
    if champion is None:
        raise NotEnoughData(
            f"training {spec.name} at {as_of}",
            [f"no champion: no {source} version is in force at {as_of}, and survival comes from one"],
            f"telco train {source} --as-of {as_of}",
        )
    return champion


def fit(
    spec: ModelSpec, frame: pd.DataFrame, cutoffs: Sequence[date], survival_from: Champion, report: Report
) -> Candidate:
    """The formula over the label's horizon, undiscounted as the label is, beside what subscribers really brought."""
    months = spec.horizon_days / ltv.MONTH_DAYS
    churn = bundles.load(bundles.path_of(survival_from.model, survival_from.version), expected=survival_from.sha256)
    settled = {
        "churn_version": churn.version, "churn_sha256": churn.sha256, "months": spec.parameters["months"],
        "monthly_discount": spec.parameters["monthly_discount"], "margin_column": spec.parameters["margin_column"],
    }
    known = frame[frame[spec.parameters["margin_column"]].notna()].reset_index(drop=True)
    report(f"train {spec.name}: {len(known)} rows of {len(cutoffs)} cut-offs, survival from churn v{churn.version}")
    predicted = predict(spec, known, settled, months=round(months), monthly_discount=0.0)
    return Candidate(
        evaluation=_evaluation(spec, frame, known, predicted, months, churn, cutoffs),
        categories={}, calibrator=dict(bundles.IDENTITY), judged=known, judged_cutoffs=tuple(cutoffs),
        predicted=predicted, facts={"ltv": settled},
    )


def predict(
    spec: ModelSpec, frame: pd.DataFrame, settled: Mapping[str, Any], *, months: int, monthly_discount: float
) -> Floats:
    """Expected margin, EUR (n,), of frame rows by a version's settled facts (`ltv` of its bundle.json)."""
    source = spec.parameters["survival_from"]
    directory = bundles.path_of(source, settled["churn_version"])
    churn = bundles.load(directory, expected=settled["churn_sha256"])
    features = frame
    if not set(churn.columns) <= set(frame.columns):
        features = frames.training_frame(spec, frame[["subscriber_id", "event_timestamp"]], churn.feature_service)
    margin = frame[settled["margin_column"]].to_numpy(dtype=np.float64, na_value=np.nan)
    return ltv.expected_margin(churn.predict(features), margin, months, monthly_discount)


def _evaluation(
    spec: ModelSpec, frame: pd.DataFrame, known: pd.DataFrame, predicted: Floats, months: float,
    churn: bundles.Bundle, cutoffs: Sequence[date],
) -> Evaluation:
    realised = known[spec.label_column].to_numpy(dtype=np.float64)
    billed = baselines.billed_for_ever(known, months)
    rivals = {
        "billed_x_horizon": metrics.money(realised[np.isfinite(billed)], billed[np.isfinite(billed)]),
        "margin_x_horizon": metrics.money(
            realised, baselines.margin_for_ever(known, spec.parameters["margin_column"], months)
        ),
    }
    seen = sorted(set(churn.facts["cutoffs"]) & {cutoff.isoformat() for cutoff in cutoffs})
    days = [cutoff.isoformat() for cutoff in cutoffs]
    return Evaluation(
        design="formula", rows=len(known), positives=0, metrics=metrics.money(realised, predicted), baselines=rivals,
        slices={"judged": {"cutoffs": days, "rows": len(known), "positives": 0}},
        notes=(
            f"the formula over {months:g} months, undiscounted, against the margin of {spec.horizon_days} days",
            f"churn v{churn.version} was fitted on {len(seen)} of these {len(days)} cut-offs: not unseen by it",
            f"{len(frame) - len(known)} rows without a known margin are left out, never taken as zero",
            f"{int((~np.isfinite(billed)).sum())} rows without a known bill are left out of billed_x_horizon",
        ),
    )
