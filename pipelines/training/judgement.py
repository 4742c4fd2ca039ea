"""The evidence beside the champion: both scored on the same rows, none of which either was fitted on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from pipelines import bundle as bundles
from pipelines import champions
from pipelines.clock import parse_day
from pipelines.gate import Comparison, Verdict, decide
from pipelines.gate.bootstrap import paired_gain
from pipelines.models import ltv
from pipelines.models.spec import Kind, ModelSpec
from pipelines.training import frames, value
from pipelines.training.candidate import Candidate
from pipelines.training.cutoffs import comparable
from pipelines.training.folds import Floats

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")


def judge(spec: ModelSpec, candidate: Candidate, as_of: date) -> Verdict:
    """The gate's verdict on a candidate trained at as_of."""
    return decide(candidate.evaluation, compare(spec, candidate, as_of), spec.gate)


def compare(spec: ModelSpec, candidate: Candidate, as_of: date) -> Comparison | None:
    """Candidate against the newest champion of the log; None when the log is empty.

    A classifier is compared on test cut-offs a horizon or more after the last one the champion was fitted on. The
    evaluated candidate was fitted on older rows than the champion was, which favours the champion.
    """
    log = champions.history(spec.name)
    if not log:
        return None
    champion = bundles.load(bundles.path_of(spec.name, log[-1].version), expected=log[-1].sha256)
    age = (as_of - parse_day(champion.facts["trained_as_of"])).days
    cutoffs, why = candidate.judged_cutoffs, ""
    if spec.kind is Kind.CLASSIFIER:
        fitted_on = [parse_day(day) for day in champion.facts["cutoffs"]]
        cutoffs = comparable(candidate.judged_cutoffs, fitted_on, spec)
        why = "" if cutoffs else _not_yet(spec, fitted_on)
    chosen = frames.of_cutoffs(candidate.judged, cutoffs)
    if chosen.empty:
        return Comparison(champion.version, age, 0, spec.gate.compare_on, NAN, NAN, why or "no row in common")
    is_chosen = candidate.judged["event_timestamp"].isin(chosen["event_timestamp"].unique()).to_numpy()
    gain, lower = paired_gain(
        spec.gate.compare_on, chosen[spec.label_column].to_numpy(dtype=np.float64), candidate.predicted[is_chosen],
        _champion_scores(spec, champion, chosen), chosen["subscriber_id"].to_numpy(dtype=object),
        rounds=spec.gate.bootstrap_rounds, confidence=spec.gate.confidence, seed=spec.seed,
    )
    return Comparison(champion.version, age, len(chosen), spec.gate.compare_on, gain, lower, why)


def _champion_scores(spec: ModelSpec, champion: bundles.Bundle, rows: pd.DataFrame) -> Floats:
    if spec.kind is Kind.FORMULA:
        months = round(spec.horizon_days / ltv.MONTH_DAYS)
        return value.predict(spec, champion, rows, months=months, monthly_discount=0.0)
    if not set(champion.columns) <= set(rows.columns):
        rows = frames.training_frame(spec, rows[["subscriber_id", "event_timestamp"]], champion.feature_service)
    return np.asarray(champion.predict(rows), dtype=np.float64)


def _not_yet(spec: ModelSpec, fitted_on: list[date]) -> str:
    horizon = timedelta(days=spec.horizon_days)
    first = max(fitted_on) + horizon
    return (
        f"no test cut-off is {spec.horizon_days} days or more after {max(fitted_on)}, the last it was fitted on; "
        f"a training from about {spec.known_on(first)} has one"
    )
