"""What the gate is shown: how the candidate did, and how it did beside the champion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

NAN: Final = float("nan")


@dataclass(frozen=True)
class Evaluation:
    """The candidate on rows it was not fitted on. `design` is out_of_time, by_subscriber or formula."""

    design: str
    rows: int
    positives: int
    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    reliability: tuple[Mapping[str, float], ...] = ()
    slices: Mapping[str, Any] = field(default_factory=dict)  # fit/calibrate/test: cut-offs, rows, positives
    notes: tuple[str, ...] = ()
    alone: Mapping[str, float] = field(default_factory=dict)  # AUC of each feature by itself; a formula has none
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # of `metrics`, 95 %, by subscriber
    segments: tuple[Mapping[str, Any], ...] = ()  # figures by operator, region, plan, ...: see training/segments.py
    # Of the rows it was fitted and judged on, how many nobody may train with. None: it was not counted.
    rows_without_consent: int | None = None
    rows_outside_region: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: a figure that is not finite becomes null."""
        return finite_or_none(asdict(self))  # type: ignore[no-any-return]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Evaluation:
        """Back from JSON. A null figure was not finite."""
        return cls(**{
            **content,
            "metrics": _or_nan(content["metrics"]),
            "baselines": {name: _or_nan(figures) for name, figures in content["baselines"].items()},
            "reliability": tuple(_or_nan(row) for row in content["reliability"]),
            "notes": tuple(content["notes"]),
            "alone": _or_nan(content.get("alone", {})),
            "intervals": {name: tuple(math.nan if bound is None else bound for bound in bounds)
                          for name, bounds in content.get("intervals", {}).items()},
            "segments": tuple(_or_nan(part) for part in content.get("segments", ())),
        })


@dataclass(frozen=True)
class SliceGain:
    """Candidate against champion among the rows of one slice value, with the bootstrap's standard error of the gain."""

    slice: str
    value: str
    rows: int
    gain: float
    error: float


@dataclass(frozen=True)
class Comparison:
    """Candidate and champion on the same rows, none of which either was fitted on.

    A gain is positive when the candidate is better; `lower` is the one-sided lower confidence bound of it, `upper`
    of the calibration's the upper one. `rows` 0 means that there is nothing to compare on, and `why` says so.
    What was not measured is NaN or None, and refuses.
    """

    champion: int
    age_days: int
    rows: int
    metric: str
    gain: float
    lower: float
    why: str = ""
    standing: Mapping[str, float] = field(default_factory=dict)  # the champion's own figures on these rows
    slices: tuple[SliceGain, ...] | None = None  # those with enough rows and positives
    calibration_gain: float = math.nan
    calibration_upper: float = math.nan
    label_means: tuple[float, float] = (math.nan, math.nan)  # of the candidate's frame and of the champion's


@dataclass(frozen=True)
class Speed:
    """Scoring measured while training: the quickest of several, candidate and champion in turns on the same rows.

    Rows a CPU second of a batch, CPU seconds of a single row; the candidate's over the champion's, None without one.
    """

    rows_per_second: float
    row_seconds: float
    batch_slowdown: float | None = None
    row_slowdown: float | None = None


@dataclass(frozen=True)
class Case:
    """All that the gate is shown of one candidate. `champion` None: none is in force."""

    evaluation: Evaluation
    champion: Comparison | None = None
    speed: Speed | None = None


@dataclass(frozen=True)
class Check:
    """One question of the gate: the measured value, its bound, and a sentence a person can act on."""

    name: str
    value: float
    bound: float | None
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The decision and everything it rests on. `reasons` are the sentences of the checks that failed."""

    passed: bool
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return finite_or_none(asdict(self))  # type: ignore[no-any-return]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Verdict:
        """Back from JSON. A null value was not finite."""
        checks = tuple(
            Check(**{**check, "value": float("nan") if check["value"] is None else check["value"]})
            for check in content["checks"]
        )
        return cls(passed=bool(content["passed"]), checks=checks, reasons=tuple(content["reasons"]))


def at_least(value: float, bound: float) -> bool:
    """True only for a finite value on the right side of its bound."""
    return math.isfinite(value) and value >= bound


def shown(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "unknown"


def _or_nan(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in figures.items()}


def finite_or_none(value: Any) -> Any:
    """The same structure with every float that JSON cannot hold replaced by None, and tuples by lists."""
    if isinstance(value, Mapping):
        return {name: finite_or_none(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite_or_none(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
