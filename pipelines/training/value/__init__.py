"""Lifetime value: month one from the pinned churn champion, two heads for what follows, judged on matured margins.

Every judged row is spoken for by heads that saw none of that subscriber's rows, at any cut-off; so are the interval's
correction and the coverage measured with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines import bundle as bundles
from pipelines import champions, valuation
from pipelines.champions import Champion
from pipelines.errors import NotEnoughData
from pipelines.models import ltv, spec_of
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report
from pipelines.training import frames
from pipelines.training.candidate import Candidate
from pipelines.training.folds import Floats
from pipelines.training.value import evidence, heads, periods
from pipelines.training.value.periods import History

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.governance.purpose import Leave


@dataclass(frozen=True)
class Source:
    """What a lifetime value is learned from beside the judged rows: the champion it stands on, and the history."""

    champion: Champion
    history: History


def pinned(spec: ModelSpec, as_of: date) -> Champion:
    """The champion whose probabilities are month one: the one in force at as_of; NotEnoughData without one."""
    source = spec.parameters["survival_from"]
    champion = champions.in_force(source, as_of)
    if champion is None:
        raise NotEnoughData(
            f"training {spec.name} at {as_of}",
            [f"no champion: no {source} version is in force at {as_of}, and survival comes from one"],
            f"telco train {source} --as-of {as_of}",
        )
    return champion


def read(spec: ModelSpec, champion: Champion, leave: Leave, report: Report) -> Source:
    """The history both heads are fitted on: every cut-off whose churn label is known on the day of the leave."""
    return Source(champion, periods.read(spec, spec_of(champion.model), leave, report))


def labels(spec: ModelSpec, source: Source, cutoffs: Sequence[date], leave: Leave) -> pd.DataFrame:
    """Margin labels of the cut-offs, of the same subscribers as the history's."""
    churn = spec_of(source.champion.model)
    kept = periods.buckets_of(spec, churn, periods.cutoffs_of(spec, churn, leave.as_of))
    return periods.labels(spec, cutoffs, kept, leave)


def judged(source: Source, labels: pd.DataFrame) -> pd.DataFrame:
    """The history's rows whose margin is known: keys, label and features, sorted; `labels` has keys and the label."""
    frame = source.history.frame
    both = frame[frames.KEYS].merge(labels, on=frames.KEYS, how="left", validate="one_to_one")
    label = next(name for name in labels.columns if name not in frames.KEYS)
    known = both[label].notna().to_numpy()
    return frame[known].assign(**{label: both.loc[known, label].to_numpy()})


def fit(
    spec: ModelSpec, frame: pd.DataFrame, columns: Sequence[str], source: Source, report: Report
) -> Candidate:
    """The candidate: heads fitted on the whole history, judged on `frame`, rows of it whose margin has matured.

    The judged value covers the label's horizon, undiscounted as the label is.
    """
    history = source.history
    churn = bundles.load(
        bundles.path_of(source.champion.model, source.champion.version), expected=source.champion.sha256
    )
    known = frame[frame[spec.parameters["margin_column"]].notna()]
    rows = known.index.to_numpy()
    categories = bundles.learn_categories(history.frame, columns)
    matrix = np.asarray(bundles.encode(history.frame, columns, categories))
    report(f"train {spec.name}: {len(history.frame)} rows of {len(history.days)} cut-offs, {len(known)} with a known "
           f"margin of {spec.horizon_days} days, month one from churn v{churn.version}")
    made = heads.fit(spec, history, matrix, columns, categories)
    first = churn_probability(spec, churn, known)
    outlook = made.outlook(rows, first, int(spec.parameters["months"]))
    realised = known[spec.label_column].to_numpy(dtype=np.float64)
    evaluation, interval = evidence.evaluation(spec, made, history, rows, outlook, realised, first, categories, churn)
    settled = {
        "churn_version": churn.version, "churn_sha256": churn.sha256, "months": spec.parameters["months"],
        "monthly_discount": spec.parameters["monthly_discount"], "margin_column": spec.parameters["margin_column"],
        "hazard": dict(made.hazard_terms), "margin": dict(made.margin_terms), "interval": interval,
    }
    return Candidate(
        evaluation=evaluation, categories=categories, calibrator=dict(bundles.IDENTITY),
        judged=known.reset_index(drop=True), judged_cutoffs=tuple(_cutoffs(known)),
        predicted=outlook.first(round(spec.horizon_days / ltv.MONTH_DAYS)).value(0.0),
        facts={"ltv": settled, "rounds": made.hazard.rounds},
        files={valuation.HAZARD: bytes(made.hazard.final.save_raw(raw_format="ubj"))},
    )


def _cutoffs(frame: pd.DataFrame) -> list[date]:
    return sorted({stamp.date() for stamp in frame["event_timestamp"].unique()})


def churn_probability(spec: ModelSpec, churn: bundles.Bundle, frame: pd.DataFrame) -> Floats:
    """Month one of frame rows, (n,): the churn version's own probability."""
    features = frame
    if not set(churn.columns) <= set(frame.columns):
        features = frames.training_frame(spec, frame[["subscriber_id", "event_timestamp"]], churn.feature_service)
    return np.asarray(churn.predict(features), dtype=np.float64)


def predict(
    spec: ModelSpec, bundle: bundles.Bundle, frame: pd.DataFrame, *, months: int, monthly_discount: float
) -> Floats:
    """Expected margin, EUR (n,), of frame rows by a version."""
    settled: Mapping[str, Any] = bundle.facts["ltv"]
    directory = bundles.path_of(spec.parameters["survival_from"], settled["churn_version"])
    churn = bundles.load(directory, expected=settled["churn_sha256"])
    first = churn_probability(spec, churn, frame)
    return valuation.outlook(bundle, frame, first, months).value(monthly_discount)
