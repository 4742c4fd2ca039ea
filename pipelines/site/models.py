"""One model on the page: its champion with figures and pictures, its versions with the gate's verdicts, its drift."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipelines import bundle as bundles
from pipelines import champions
from pipelines.clock import midnight, parse_day
from pipelines.models import SPECS
from pipelines.models.spec import Kind, ModelSpec
from pipelines.promotion.standings import Stand
from pipelines.settings import settings
from pipelines.site.nights import Night, Scores, State
from pipelines.site.pictures import Lift, Reliability, lift, reliability

WATCHED = 30  # nights of the drift strip
# What a person asks first: does it order, does it find them, is it to be believed. Name, title, form, what it means.
FIGURES = {
    Kind.CLASSIFIER: (
        ("auc", "AUC", "{:.3f}", "0.5 is a coin, 1 is perfect"),
        ("lift_at_10", "lift of the first tenth", "{:.1f}×", "leavers among the likeliest tenth, against the average"),
        ("capture_at_20", "reached by calling a fifth", "{:.0%}", "of all leavers"),
        ("ece", "calibration error", "{:.2%}", "how far a probability is off, on average"),
    ),
    Kind.FORMULA: (
        ("spearman", "rank correlation", "{:.3f}", "of expected and real margins, 1 is perfect"),
        ("total_bias", "off in total", "{:+.1%}", "expected margins of all against the real ones"),
        ("mae", "off per subscriber", "{:.2f} EUR", "mean, over the horizon that has matured"),
        ("interval_coverage", "inside the interval", "{:.0%}", "of real margins; the interval is made for 80 %"),
    ),
}
CALM = {"ok": "ok", "quiet": "ok", "unknown": "unknown"}  # every other verdict of the watchers is an alarm


@dataclass(frozen=True)
class Figure:
    title: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True)
class Watched:
    """The watchers' verdict on one night. `tone`: ok, alarm or unknown."""

    as_of: str
    verdict: str
    tone: str
    reasons: tuple[str, ...]
    report: str
    action: str = ""


@dataclass(frozen=True)
class Asked:
    """One question of the gate and its answer."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Champion:
    version: int
    since: str
    trained_as_of: str
    age_days: int | None
    why: str
    judged_on: str
    figures: tuple[Figure, ...]
    lift: Lift | None
    reliability: Reliability | None
    card: str
    asked: tuple[Asked, ...]
    is_value: bool  # amounts, not probabilities


@dataclass(frozen=True)
class Model:
    name: str
    use: str
    champion: Champion | None
    serving: State
    served: str
    until: str
    watched: tuple[Watched, ...]
    trend: str
    versions: tuple[Stand, ...]


def read(nights: list[Night], stands: list[Stand], as_of: date) -> list[Model]:
    """Every model of the specs that has a version or scores; then those that have none."""
    found = [_model(spec, nights, [one for one in stands if one.model == spec.name], as_of) for spec in SPECS.values()]
    return sorted(found, key=lambda model: model.champion is None)


def link(path: Path) -> str:
    """From reports/, where the page lies, to a file of the home; empty where there is none."""
    return f"../{path.relative_to(settings().home).as_posix()}" if path.exists() else ""


def _model(spec: ModelSpec, nights: list[Night], stands: list[Stand], as_of: date) -> Model:
    scores = [night.seen.scores[spec.name] for night in nights if spec.name in night.seen.scores]
    line = champions.in_force(spec.name, as_of)
    standing = next((one for one in stands if line is not None and one.version == line.version), None)
    serving, served, until = _served(scores[-1] if scores else None, as_of)
    return Model(
        spec.name, spec.intended_use, _champion(spec, standing, as_of) if standing else None, serving, served, until,
        tuple(_watched(spec.name, as_of)), link(settings().reports / "drift" / spec.name / "index.html"),
        tuple(stands),
    )


def _served(scores: Scores | None, as_of: date) -> tuple[State, str, str]:
    """Whether the newest scores may be used on as_of, by the expiry they bear: state, words, the expiry."""
    if scores is None:
        return State.UNKNOWN, "no scores", ""
    if scores.expires_at <= midnight(as_of).replace(tzinfo=None):
        return State.STALE, "not to be used any more: the newest scores expired on", _until(scores.expires_at)
    words = f"{scores.rows:,} scored with v{scores.version}, valid until"
    return (State.FLAGGED if scores.flags else State.OK), words, _until(scores.expires_at)


def _until(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M} UTC"


def _champion(spec: ModelSpec, standing: Stand, as_of: date) -> Champion:
    folder = bundles.path_of(spec.name, standing.version)
    told, verdict = _json(folder / "evaluation.json"), _json(folder / "verdict.json")
    rows = [row for row in told.get("reliability", []) if None not in row.values()]
    trained = standing.trained_as_of
    return Champion(
        standing.version, standing.since, trained, (as_of - parse_day(trained)).days if trained != "-" else None,
        standing.why, _judged_on(told), tuple(_figures(spec, told)),
        lift(rows), reliability(rows, percent=spec.kind is Kind.CLASSIFIER), link(folder / "card.html"),
        tuple(Asked(str(one["name"]), one["passed"] is True, str(one["sentence"]))
              for one in verdict.get("checks", [])), spec.kind is Kind.FORMULA,
    )


def _judged_on(told: Mapping[str, Any]) -> str:
    if not told:
        return "its evaluation is not in its bundle"
    leavers = f", {told['positives']:,} of them positive" if told.get("positives") else ""
    return f"judged on {told['rows']:,} rows it was not fitted on{leavers}"


def _figures(spec: ModelSpec, told: Mapping[str, Any]) -> list[Figure]:
    made = []
    for name, title, form, meaning in FIGURES[spec.kind]:
        value = told.get("metrics", {}).get(name)
        low, high = told.get("intervals", {}).get(name) or (None, None)
        if name in told.get("metrics", {}):
            interval = f"{_shown(form, low)} to {_shown(form, high)}" if low is not None and high is not None else ""
            made.append(Figure(title, _shown(form, value), interval, meaning))
    return made


def _shown(form: str, value: float | None) -> str:
    return form.format(value) if value is not None and math.isfinite(value) else "unknown"


def _watched(model: str, as_of: date) -> list[Watched]:
    """The verdicts on disk up to as_of, oldest first; one that cannot be read is unknown."""
    found = []
    for path in sorted((settings().reports / "drift" / model).glob("as_of=*/verdict.json")):
        night = path.parent.name.removeprefix("as_of=")
        if night > as_of.isoformat():
            continue
        told = _json(path)
        verdict = str(told.get("cause") or told.get("status") or "unknown")
        found.append(Watched(night, verdict, CALM.get(verdict, "alarm"), tuple(map(str, told.get("reasons", ()))),
                             link(path.with_name("report.html")), str(told.get("action") or "")))
    return found[-WATCHED:]


def _json(path: Path) -> dict[str, Any]:
    """What a file says; nothing where it is missing or damaged: the page then shows it as unknown."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
