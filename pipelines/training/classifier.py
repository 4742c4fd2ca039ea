"""Fit and evaluate a classifier: out of time where the history allows it, else by subscriber; then refit on all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines import bundle as bundles
from pipelines.errors import NotEnoughData
from pipelines.gate import Evaluation
from pipelines.gate.classification import classification, deciles, intervals
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report
from pipelines.reasons import contributions
from pipelines.training import baselines, frames, leakage, recipe
from pipelines.training.candidate import Candidate
from pipelines.training.cutoffs import Slices, divide
from pipelines.training.folds import Floats, folds
from pipelines.training.recipe import Rows
from pipelines.training.segments import segments

if TYPE_CHECKING:
    import pandas as pd

Rivals = dict[str, Floats]


def fit(
    spec: ModelSpec, frame: pd.DataFrame, columns: Sequence[str], cutoffs: Sequence[date], report: Report
) -> Candidate:
    """The candidate of a frame of all matured cut-offs.

    Raises NotEnoughData naming the slice that is too thin, and Held for a booster whose scores could not be explained:
    it would hold the first night it scores.
    """
    slices = divide(cutoffs, spec)
    report(f"train {spec.name}: {len(frame)} rows of {len(cutoffs)} cut-offs, {slices.why}")
    design = _out_of_time if slices.design == "out_of_time" else _by_subscriber
    candidate = design(spec, frame, columns, slices)
    contributions.tables(candidate.booster)
    return candidate


def _out_of_time(spec: ModelSpec, frame: pd.DataFrame, columns: Sequence[str], slices: Slices) -> Candidate:
    parts = {name: frames.of_cutoffs(frame, getattr(slices, name)) for name in ("fit", "calibrate", "test")}
    _check_slices(spec, parts)
    # What the evaluated model may know of categories is what its own slice held.
    learned = bundles.learn_categories(parts["fit"], columns)
    rows = {name: recipe.encode(part, spec, columns, learned) for name, part in parts.items()}
    fitted = recipe.fit_in_time(spec, rows["fit"], rows["calibrate"])
    predicted = fitted.predict(rows["test"])
    # The rivals learn from the rows the booster learned from, no newer ones: it is the recipes that are compared.
    rivals = _rivals(rows["fit"], rows["test"], learned)
    categories = bundles.learn_categories(frame, columns)
    everything = recipe.encode(frame, spec, columns, categories)
    margin = np.r_[fitted.margin(rows["calibrate"]), fitted.margin(rows["test"])]
    newest = frames.of_cutoffs(frame, (*slices.calibrate, *slices.test))
    version = recipe.refitted(spec, fitted, margin, everything, recipe.encode(newest, spec, columns, categories))
    return Candidate(
        evaluation=_evaluation(
            spec, slices, parts, parts["test"], predicted, rivals, _alone(spec, everything, categories)
        ),
        categories=categories, calibrator=version.calibrator, judged=parts["test"], judged_cutoffs=slices.test,
        predicted=predicted, booster=version.booster,
        facts={"rounds": fitted.rounds, "calibrated_by": fitted.calibrated_by,
               "calibrated_on": "evaluated booster's log-odds of calibrate and test, its mean on the version's own"},
    )


def _by_subscriber(spec: ModelSpec, frame: pd.DataFrame, columns: Sequence[str], slices: Slices) -> Candidate:
    categories = bundles.learn_categories(frame, columns)
    rows = recipe.encode(frame, spec, columns, categories)
    fold = folds(rows.subscriber, spec.split.folds, "outer")
    predicted = np.full(len(frame), np.nan)
    rivals: Rivals = {name: np.full(len(frame), np.nan) for name in ("constant", "logistic")}
    for number in range(spec.split.folds):
        train, judged = rows.take(fold != number), rows.take(fold == number)
        predicted[fold == number] = recipe.fit_across(spec, train, f"inner{number}").predict(judged)
        for name, values in _rivals(train, judged, categories).items():
            rivals[name][fold == number] = values
    final = recipe.fit_across(spec, rows, "final")
    return Candidate(
        evaluation=_evaluation(
            spec, slices, {"out_of_fold": frame}, frame, predicted, rivals, _alone(spec, rows, categories)
        ),
        categories=categories, calibrator=final.calibrator, judged=frame, judged_cutoffs=slices.test,
        predicted=predicted, booster=final.booster,
        facts={"rounds": final.rounds, "calibrated_by": final.calibrated_by,
               "calibrated_on": "held-out log-odds, cross-fitted by subscriber"},
    )


def _rivals(train: Rows, judged: Rows, categories: dict[str, list[str]]) -> Rivals:
    return {
        "constant": baselines.constant(train, len(judged.label)),
        "logistic": baselines.logistic(train, judged, categories),
    }


def _alone(spec: ModelSpec, rows: Rows, categories: dict[str, list[str]]) -> dict[str, float]:
    return leakage.alone(rows, categories.keys(), seed=spec.seed)


def _evaluation(
    spec: ModelSpec, slices: Slices, parts: dict[str, pd.DataFrame], judged: pd.DataFrame, predicted: Floats,
    rivals: Rivals, alone: dict[str, float],
) -> Evaluation:
    label = judged[spec.label_column].to_numpy(dtype=np.float64)
    return Evaluation(
        design=slices.design,
        rows=len(label),
        positives=int(label.sum()),
        metrics=classification(label, predicted),
        baselines={name: classification(label, values) for name, values in rivals.items()},
        reliability=tuple(deciles(label, predicted)),
        slices={name: _described(spec, part) for name, part in parts.items()},
        notes=(slices.why,),
        alone=alone,
        intervals=intervals(label, predicted, judged["subscriber_id"].to_numpy(dtype=object),
                            rounds=spec.split.interval_rounds, seed=spec.seed),
        segments=segments(spec, judged, predicted),
    )


def _described(spec: ModelSpec, part: pd.DataFrame) -> dict[str, Any]:
    days = sorted({stamp.date().isoformat() for stamp in part["event_timestamp"].unique()})
    return {"cutoffs": days, "rows": len(part), "positives": int(part[spec.label_column].astype("float64").sum())}


def _check_slices(spec: ModelSpec, parts: dict[str, pd.DataFrame]) -> None:
    thin = []
    for name, part in parts.items():
        positives = int(part[spec.label_column].astype("float64").sum())
        if min(positives, len(part) - positives) < spec.split.min_slice_positives:
            thin.append(
                f"too few positives: slice {name} has {positives} in {len(part)} rows, "
                f"{spec.split.min_slice_positives} of each class are needed"
            )
    if thin:
        raise NotEnoughData(f"training {spec.name}", thin, "wait for more labels to mature")
