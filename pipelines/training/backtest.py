"""Rolling origins: what each weekly training of the past would have been worth, and how fast it would have aged.

At every origin T the recipe is trained as it would have been then, on cut-offs whose label was known at T, and scores
every later cut-off whose label is known by now: the features a model is fitted on and those it scores never overlap in
time, nor do their labels' windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import NotEnoughData, UsageError
from pipelines.gate import metrics
from pipelines.gate.classification import classification, intervals
from pipelines.governance.purpose import leave
from pipelines.models import SPECS, spec_of
from pipelines.models.spec import Kind, ModelSpec
from pipelines.progress import Report, silent
from pipelines.training import baselines, frames, recipe, stack
from pipelines.training.cutoffs import Days, matured
from pipelines.training.folds import clusters

if TYPE_CHECKING:
    from pipelines.training.folds import Floats
    from pipelines.training.stack import Stack

MIN_ORIGINS = 4
NEWEST_DAYS = 28
FIGURES = ("auc", "pr_auc", "log_loss", "ece", "lift_at_10")


@dataclass(frozen=True)
class Scored:
    """One model on one later cut-off. `age_weeks` counts from its origin; `logistic_auc` is the rival's, as old."""

    origin: date
    cutoff: date
    age_weeks: int
    rows: int
    positives: int
    figures: dict[str, float]
    logistic_auc: float


@dataclass(frozen=True)
class Backtest:
    """`origins`: one row per origin over its newest month of scored cut-offs. `ages`: one row per week of age, over
    all origins, with what a model of that age loses against the youngest on the same cut-offs."""

    model: str
    as_of: date
    origins: tuple[dict[str, Any], ...]
    ages: tuple[dict[str, Any], ...]
    scored: tuple[Scored, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def backtest(
    model: str, as_of: date, *, origins: int = 6, step_days: int = 28, report: Report = silent
) -> Backtest:
    """Backtest a classifier's recipe with what is known at as_of, over at most `origins` origins `step_days` apart.

    Raises UsageError for a formula or fewer than four origins asked, NotEnoughData when history holds fewer than four.
    """
    from pipelines.estate import estate

    spec = spec_of(model)
    if spec.kind is not Kind.CLASSIFIER:
        others = ", ".join(one.name for one in SPECS.values() if one.kind is Kind.CLASSIFIER)
        raise UsageError(f"backtest: {model} is a {spec.kind}; there are classifiers to backtest: {others}")
    if origins < MIN_ORIGINS or step_days < 1:
        raise UsageError(f"backtest: {origins} origins {step_days} days apart; give at least {MIN_ORIGINS} and 1")
    cutoffs = matured(spec, as_of, estate().training_start)
    frames.check_published(spec, cutoffs, as_of)
    cutoffs = frames.thinned(spec, cutoffs, report)
    starts = origins_of(spec, cutoffs, origins, step_days)
    if len(starts) < MIN_ORIGINS:
        raise NotEnoughData(
            f"backtest of {model} at {as_of}",
            [f"{len(cutoffs)} matured cut-offs give {len(starts)} origins {step_days} days apart with a fit, a gap, a "
             f"calibration and a later cut-off each; {MIN_ORIGINS} are needed"],
            "give --step-days fewer days, or wait for more history",
        )
    rows = frames.labels(spec, cutoffs, leave(spec.train_purpose, as_of))
    frames.check_labels(spec, rows)
    report(f"backtest {model}: reading features of {len(rows)} rows")
    whole = stack.read(spec, rows)
    scored: list[Scored] = []
    newest: list[dict[str, Any]] = []
    for start in starts:
        report(f"backtest {model}: training as of {start}")
        found, row = _one_origin(spec, whole, cutoffs, start)
        scored += found
        newest.append(row)
    return Backtest(model, as_of, tuple(newest), tuple(_ages(scored)), tuple(scored))


def origins_of(spec: ModelSpec, cutoffs: Sequence[date], count: int, step_days: int) -> Days:
    """The newest `count` origins, oldest first: days with a fit and a calibration a horizon apart before them."""
    found: list[date] = []
    start = max(cutoffs, default=None)
    while start is not None and len(found) < count and _slices(spec, cutoffs, start) is not None:
        found.append(start)
        start -= timedelta(days=step_days)
    return tuple(reversed(found))


def _slices(spec: ModelSpec, cutoffs: Sequence[date], start: date) -> tuple[Days, Days] | None:
    """Cut-offs of fit and calibrate as known at `start`, or None where one would be empty."""
    known = [day for day in cutoffs if spec.known_on(day) <= start]
    if not known:
        return None
    horizon = timedelta(days=spec.horizon_days)
    width = min(timedelta(days=spec.split.max_slice_days), (known[-1] - known[0] - horizon) // 3)
    if width < timedelta(0):
        return None
    calibrate = tuple(day for day in known if day >= known[-1] - width)
    fit = tuple(day for day in known if day <= calibrate[0] - horizon)
    return (fit, calibrate) if fit else None


def _one_origin(
    spec: ModelSpec, whole: Stack, cutoffs: Sequence[date], start: date
) -> tuple[list[Scored], dict[str, Any]]:
    slices = _slices(spec, cutoffs, start)
    assert slices is not None  # noqa: S101 - origins_of gave it
    known = whole.of([day for day in cutoffs if spec.known_on(day) <= start])
    fit, calibrate = (whole.of(part).rows(known) for part in slices)
    fitted = recipe.fit_in_time(spec, fit, calibrate)
    everything = known.rows()
    newest = known.of(slices[1]).rows()
    final = recipe.refitted(spec, fitted, fitted.margin(calibrate), everything, newest)
    later = whole.of([day for day in cutoffs if day >= start])
    rows = later.rows(known)
    said, rival = final.predict(rows), baselines.logistic(everything, rows, whole.texts, seed=spec.seed)
    age = (later.stamp.astype("M8[D]") - np.datetime64(start, "D")).astype(int)
    found = [_scored(start, int(days), rows.label[age == days], said[age == days], rival[age == days])
             for days in np.unique(age)]
    return found, _newest(spec, start, rows.take(age < NEWEST_DAYS), said[age < NEWEST_DAYS], rival[age < NEWEST_DAYS])


def _scored(start: date, days: int, label: Floats, said: Floats, rival: Floats) -> Scored:
    figures = classification(label, said)
    return Scored(
        start, start + timedelta(days=days), days // 7, len(label), int(label.sum()),
        {name: figures[name] for name in FIGURES}, metrics.auc(label, rival),
    )


def _newest(spec: ModelSpec, start: date, rows: recipe.Rows, said: Floats, rival: Floats) -> dict[str, Any]:
    """The figures of one origin over the cut-offs of its first four weeks, with the interval of its AUC."""
    figures = classification(rows.label, said)
    low, high = intervals(
        rows.label, said, clusters(rows.subscriber), rounds=spec.split.interval_rounds, seed=spec.seed, only_auc=True,
    )["auc"]
    return {
        "origin": start, "rows": len(rows.label), "positives": int(rows.label.sum()),
        **{name: figures[name] for name in FIGURES}, "auc_low": low, "auc_high": high,
        "logistic_auc": metrics.auc(rows.label, rival),
    }


def _ages(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """By weeks of age: mean AUC, ECE and lift, and mean gain in AUC over the youngest model on the same cut-off."""
    youngest = {one.cutoff: min((other for other in scored if other.cutoff == one.cutoff),
                                key=lambda other: other.age_weeks) for one in scored}
    rows = []
    for age in sorted({one.age_weeks for one in scored}):
        group = [one for one in scored if one.age_weeks == age]
        pairs = [one.figures["auc"] - youngest[one.cutoff].figures["auc"] for one in group
                 if youngest[one.cutoff].age_weeks < age]
        rows.append({
            "age_weeks": age, "models": len(group),
            **{name: _mean([one.figures[name] for one in group]) for name in ("auc", "ece", "lift_at_10")},
            "auc_against_youngest": _mean(pairs), "pairs": len(pairs),
        })
    return rows


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")

