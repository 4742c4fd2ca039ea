"""The evidence beside the champion: both scored on the same rows, none of which either was fitted on."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipelines import bundle as bundles
from pipelines import champions
from pipelines.clock import parse_day
from pipelines.gate import Case, Comparison, Evaluation, SliceGain, Verdict, decide, money
from pipelines.gate.bootstrap import paired_error, paired_gain
from pipelines.gate.classification import classification
from pipelines.models import ltv
from pipelines.models.spec import Kind, ModelSpec
from pipelines.training import frames, segments, speed, value
from pipelines.training.candidate import Candidate
from pipelines.training.cutoffs import comparable
from pipelines.training.folds import Array, Floats

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

NAN = float("nan")
SLICE_ROUNDS: Final = 200  # a standard error is then known to a twentieth
SLICE_MOST: Final = 10_000  # subscribers of a slice that its standard error is drawn from


def judge(
    spec: ModelSpec, candidate: Candidate, as_of: date, draft: Mapping[str, Any], frame: pd.DataFrame
) -> Verdict:
    """The gate's verdict on a candidate trained at as_of.

    `draft` is what its bundle.json will say without the verdict, `frame` what it was fitted on, of which some rows are
    scored against the clock.
    """
    champion = _last(spec)
    compared = compare(spec, candidate, as_of, champion, float(draft.get("label_mean", NAN)))
    with tempfile.TemporaryDirectory() as scratch:
        drafted = bundles.save(Path(scratch) / "draft", draft, booster=candidate.booster, files=candidate.files)
        measured = speed.of_bundles(spec, drafted, champion, frame)
    log.info("measured model=%s speed=%s", spec.name, measured)
    return decide(Case(candidate.evaluation, compared, measured), spec.gate)


def _last(spec: ModelSpec) -> bundles.Bundle | None:
    """The newest champion of the log; None when the log is empty."""
    lines = champions.history(spec.name)
    if not lines:
        return None
    return bundles.load(bundles.path_of(spec.name, lines[-1].version), expected=lines[-1].sha256)


def compare(
    spec: ModelSpec, candidate: Candidate, as_of: date, champion: bundles.Bundle | None, label_mean: float
) -> Comparison | None:
    """Candidate against champion; None without one. `label_mean` is of the frame that the candidate was fitted on.

    A classifier is compared on test cut-offs a horizon or more after the last one the champion was fitted on. The
    evaluated candidate was fitted on older rows than the champion was, which favours the champion.
    """
    if champion is None:
        return None
    cutoffs, why = candidate.judged_cutoffs, ""
    if spec.kind is Kind.CLASSIFIER:
        fitted_on = [parse_day(day) for day in champion.facts["cutoffs"]]
        cutoffs = comparable(candidate.judged_cutoffs, fitted_on, spec)
        why = "" if cutoffs else _not_yet(spec, fitted_on)
    chosen = frames.of_cutoffs(candidate.judged, cutoffs)
    found = Comparison(
        champion.version, (as_of - parse_day(champion.facts["trained_as_of"])).days, len(chosen), spec.gate.compare_on,
        NAN, NAN, why, label_means=(label_mean, _label_mean(champion)),
    )
    if chosen.empty:
        return replace(found, why=why or "no row in common")
    is_chosen = candidate.judged["event_timestamp"].isin(chosen["event_timestamp"].unique()).to_numpy()
    theirs = _champion_scores(spec, champion, chosen)
    return replace(found, **beside(spec, chosen, candidate.predicted[is_chosen], theirs))


def beside(spec: ModelSpec, rows: pd.DataFrame, ours: Floats, theirs: Floats) -> dict[str, Any]:
    """What `Comparison` says of scores (n,) on the same rows, which have keys, label and the columns of the slices."""
    gate, truth, subscriber = spec.gate, rows[spec.label_column].to_numpy(dtype=np.float64), _numbered(rows)
    drawn = {"rounds": gate.bootstrap_rounds, "seed": spec.seed}
    gain, lower = paired_gain(
        gate.compare_on, truth, ours, theirs, subscriber, confidence=gate.confidence, **drawn
    )
    shift, upper = paired_gain(
        gate.calibrated_by, truth, ours, theirs, subscriber, confidence=1 - gate.confidence, **drawn
    )
    figures = classification if spec.kind is Kind.CLASSIFIER else money.figures
    return {
        "gain": gain, "lower": lower, "standing": figures(truth, theirs),
        "calibration_gain": shift, "calibration_upper": upper, "slices": slices(spec, rows, ours, theirs),
    }


def slices(spec: ModelSpec, rows: pd.DataFrame, ours: Floats, theirs: Floats) -> tuple[SliceGain, ...]:
    """The gain in every slice value with `min_segment_rows` rows and, for a classifier, `min_slice_positives`."""
    truth, subscriber = rows[spec.label_column].to_numpy(dtype=np.float64), _numbered(rows)
    known = segments.described(rows, [part.column for part in spec.slices if part.column not in rows.columns])
    found = []
    for part in spec.slices:
        if part.column not in known.columns:
            continue
        values = segments.banded(known[part.column], part)
        for name in sorted(set(values)):
            mine = np.flatnonzero(values == name)
            if not _is_judged(spec, truth[mine]):
                continue
            gain, error = paired_error(
                spec.gate.compare_on, truth[mine], ours[mine], theirs[mine], subscriber[mine],
                rounds=SLICE_ROUNDS, seed=spec.seed, most=SLICE_MOST,
            )
            found.append(SliceGain(part.column, name, len(mine), gain, error))
    return tuple(found)


def _numbered(rows: pd.DataFrame) -> Array:
    """A number per subscriber, (n,): sorting texts for every slice would take longer than the resampling."""
    numbers: Array = rows["subscriber_id"].astype("category").cat.codes.to_numpy()
    return numbers


def _is_judged(spec: ModelSpec, truth: Floats) -> bool:
    few = min(truth.sum(), len(truth) - truth.sum()) < spec.split.min_slice_positives
    return len(truth) >= spec.split.min_segment_rows and not (spec.kind is Kind.CLASSIFIER and few)


def _champion_scores(spec: ModelSpec, champion: bundles.Bundle, rows: pd.DataFrame) -> Floats:
    if spec.kind is Kind.FORMULA:
        months = round(spec.horizon_days / ltv.MONTH_DAYS)
        return value.predict(spec, champion, rows, months=months, monthly_discount=0.0)
    if not set(champion.columns) <= set(rows.columns):
        rows = frames.training_frame(spec, rows[["subscriber_id", "event_timestamp"]], champion.feature_service)
    return np.asarray(champion.predict(rows), dtype=np.float64)


def _label_mean(champion: bundles.Bundle) -> float:
    """Of the champion's frame; of one from before that was written down, its share of positives or its judged rows'."""
    facts = champion.facts
    if facts.get("label_mean") is not None:
        return float(facts["label_mean"])
    if facts.get("positives") and facts.get("rows"):
        return float(facts["positives"]) / float(facts["rows"])
    if "evaluation.json" not in facts["files"]:
        return NAN
    judged = Evaluation.of(json.loads(champion.file("evaluation.json").read_bytes())).reliability
    rows = sum(row["n"] for row in judged)
    return sum(row["n"] * row["observed"] for row in judged) / rows if rows else NAN


def _not_yet(spec: ModelSpec, fitted_on: list[date]) -> str:
    horizon = timedelta(days=spec.horizon_days)
    first = max(fitted_on) + horizon
    return (
        f"no test cut-off is {spec.horizon_days} days or more after {max(fitted_on)}, the last it was fitted on; "
        f"a training from about {spec.known_on(first)} has one"
    )
