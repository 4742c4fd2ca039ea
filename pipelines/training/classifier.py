"""Fit and evaluate a classifier: out of time where the history allows it, else by subscriber; then refit on all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pipelines import bundle as bundles
from pipelines.errors import NotEnoughData
from pipelines.gate import Evaluation, metrics
from pipelines.gate.classification import classification, deciles, intervals
from pipelines.gate.evidence import finite_or_none
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report
from pipelines.reasons import contributions
from pipelines.training import baselines, campaigns, leakage, recipe, redundancy, stack
from pipelines.training.candidate import Candidate
from pipelines.training.cutoffs import Slices, divide
from pipelines.training.folds import Floats, clusters, folds
from pipelines.training.recipe import Rows
from pipelines.training.segments import segments
from pipelines.training.stack import Stack

if TYPE_CHECKING:
    import pandas as pd

Rivals = dict[str, Floats]


def fit(
    spec: ModelSpec, frame: Stack | pd.DataFrame, columns: Sequence[str], cutoffs: Sequence[date], report: Report
) -> Candidate:
    """The candidate of all rows of the matured cut-offs, stacked or as a frame of keys, label and `columns`.

    Raises NotEnoughData naming the slice that is too thin, and Held for a booster whose scores could not be explained:
    it would hold the first night it scores.
    """
    whole = frame if isinstance(frame, Stack) else stack.of(spec, frame, columns)
    slices = divide(cutoffs, spec)
    report(f"train {spec.name}: {len(whole)} rows of {len(cutoffs)} cut-offs, {slices.why}")
    design = _out_of_time if slices.design == "out_of_time" else _by_subscriber
    candidate = design(spec, whole, slices)
    contributions.tables(candidate.booster)
    return candidate


def _out_of_time(spec: ModelSpec, whole: Stack, slices: Slices) -> Candidate:
    parts = {name: whole.of(getattr(slices, name)) for name in ("fit", "calibrate", "test")}
    _check_slices(spec, parts)
    # What the evaluated model may know of categories is what its own slice held.
    rows = {name: part.rows(parts["fit"]) for name, part in parts.items()}
    fitted = recipe.fit_in_time(spec, rows["fit"], rows["calibrate"])
    margin = {name: fitted.margin(rows[name]) for name in ("calibrate", "test")}
    predicted = np.asarray(bundles.calibrate(margin["test"], fitted.calibrator))
    # The rivals learn from the rows the booster learned from, no newer ones: it is the recipes that are compared.
    rivals = _rivals(spec, rows["fit"], rows["test"], whole.texts)
    everything = whole.rows()
    newest = whole.of((*slices.calibrate, *slices.test)).rows()
    version = recipe.refitted(spec, fitted, np.r_[margin["calibrate"], margin["test"]], everything, newest)
    alone, redundant = _leaks(spec, everything, whole.texts)
    judged = parts["test"].table()
    return Candidate(
        evaluation=_evaluation(spec, slices, parts, judged, predicted, rivals, alone),
        categories=whole.texts, calibrator=version.calibrator, judged=judged, judged_cutoffs=slices.test,
        predicted=predicted, booster=version.booster,
        facts={"rounds": fitted.rounds, "calibrated_by": fitted.calibrated_by,
               "calibrated_on": "evaluated booster's log-odds of calibrate and test, its mean on the version's own",
               **_told(spec, parts["test"], predicted, version.booster, redundant)},
    )


def _by_subscriber(spec: ModelSpec, whole: Stack, slices: Slices) -> Candidate:
    rows = whole.rows()
    fold = folds(rows.subscriber, spec.split.folds, outer_salt(spec))
    predicted = np.full(len(whole), np.nan)
    rivals: Rivals = {name: np.full(len(whole), np.nan) for name in ("constant", "logistic")}
    for number in range(spec.split.folds):
        train, judged = rows.take(fold != number), rows.take(fold == number)
        predicted[fold == number] = recipe.fit_across(spec, train, f"inner{number}").predict(judged)
        for name, values in _rivals(spec, train, judged, whole.texts).items():
            rivals[name][fold == number] = values
    final = recipe.fit_across(spec, rows, "final")
    alone, redundant = _leaks(spec, rows, whole.texts)
    told = whole.table()
    return Candidate(
        evaluation=_evaluation(spec, slices, {"out_of_fold": whole}, told, predicted, rivals, alone),
        categories=whole.texts, calibrator=final.calibrator, judged=told, judged_cutoffs=slices.test,
        predicted=predicted, booster=final.booster,
        facts={"rounds": final.rounds, "calibrated_by": final.calibrated_by,
               "calibrated_on": "held-out log-odds, cross-fitted by subscriber",
               **_told(spec, whole, predicted, final.booster, redundant)},
    )


def outer_salt(spec: ModelSpec) -> str:
    """Another seed judges on other folds."""
    return f"outer{spec.seed}"


def _rivals(spec: ModelSpec, train: Rows, judged: Rows, categories: Mapping[str, list[str]]) -> Rivals:
    return {
        "constant": baselines.constant(train, len(judged.label)),
        "logistic": baselines.logistic(train, judged, categories, seed=spec.seed),
    }


def _leaks(
    spec: ModelSpec, rows: Rows, texts: Mapping[str, list[str]]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """AUC of each feature alone and of what derived ones have beyond their makings; the derived ones for the card."""
    found = redundancy.derived(rows, texts.keys(), seed=spec.seed)
    alone = leakage.alone(rows, texts.keys(), seed=spec.seed) | leakage.beyond(rows, found, seed=spec.seed)
    redundant = [{"feature": one.feature, "made_of": one.told, "r2": one.r2, "auc": alone[one.feature],
                  "auc_beyond": alone[f"{one.feature} beyond {one.told}"]} for one in found]
    return alone, redundant


def _told(
    spec: ModelSpec, judged: Stack, predicted: Floats, booster: Any, redundant: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the card says beside the figures. A feature is idle when no tree asks for it."""
    gains = booster.get_score(importance_type="total_gain")
    total = sum(gains.values()) or 1.0
    ranked = sorted(gains, key=lambda name: (-gains[name], name))
    facts = {
        "redundant": redundant, "campaigns": campaigns.arms(judged, predicted, spec.split),
        "gain_share": {name: gains[name] / total for name in ranked},
        "idle": [name for name in judged.columns if name not in gains],
    }
    return cast("dict[str, Any]", finite_or_none(facts))


def _evaluation(
    spec: ModelSpec, slices: Slices, parts: dict[str, Stack], judged: pd.DataFrame, predicted: Floats,
    rivals: Rivals, alone: dict[str, float],
) -> Evaluation:
    label = judged[spec.label_column].to_numpy(dtype=np.float64)
    return Evaluation(
        design=slices.design,
        rows=len(label),
        positives=int(label.sum()),
        metrics={**classification(label, predicted), **metrics.calibration(label, predicted)},
        baselines={name: classification(label, values) for name, values in rivals.items()},
        reliability=tuple(deciles(label, predicted)),
        slices={name: _described(part) for name, part in parts.items()},
        notes=(slices.why,),
        alone=alone,
        intervals=intervals(label, predicted, clusters(judged["subscriber_id"].array),
                            rounds=spec.split.interval_rounds, seed=spec.seed),
        segments=segments(spec, judged, predicted),
    )


def _described(part: Stack) -> dict[str, Any]:
    return {"cutoffs": [day.isoformat() for day in part.days], "rows": len(part), "positives": part.positives}


def _check_slices(spec: ModelSpec, parts: dict[str, Stack]) -> None:
    thin = [
        f"too few positives: slice {name} has {part.positives} in {len(part)} rows, "
        f"{spec.split.min_slice_positives} of each class are needed"
        for name, part in parts.items()
        if min(part.positives, len(part) - part.positives) < spec.split.min_slice_positives
    ]
    if thin:
        raise NotEnoughData(f"training {spec.name}", thin, "wait for more labels to mature")
