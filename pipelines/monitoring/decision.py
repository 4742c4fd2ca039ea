"""Drift as a decision: a pure function from measurements to a verdict with reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

OK, DRIFT, UNKNOWN = "ok", "drift", "unknown"


@dataclass(frozen=True)
class Thresholds:
    """When a column has drifted, and when the columns together are worth a retrain."""

    # Population stability index (Siddiqi, Credit Risk Scorecards, 2006, ch. 6): above 0.25 the population has changed.
    psi: float = 0.25
    # Evidently leaves missing values out, so a feed that lost a third of its rows looks stable to it.
    missing_change: float = 0.10
    # A share, not any one: of forty columns some move every season, and each false alarm costs a training.
    drifted_share: float = 0.15
    min_rows: int = 200
    # With more than half of the columns unmeasured, silence about the rest says little.
    unknown_share: float = 0.5


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Measurement:
    """One column, reference against tonight. `psi` is None when it could not be measured; `why_not` says why."""

    column: str
    reference_missing: float
    current_missing: float
    psi: float | None = None
    why_not: str = ""


@dataclass(frozen=True)
class ColumnVerdict:
    column: str
    status: str
    psi: float | None
    reference_missing: float
    current_missing: float
    reason: str


@dataclass(frozen=True)
class DriftVerdict:
    """The verdict of one model and night. `unknown` is neither a pass nor a reason to retrain."""

    model: str
    as_of: date
    status: str
    reasons: tuple[str, ...]
    columns: tuple[ColumnVerdict, ...]
    version: int = 0
    reference_rows: int = 0
    current_rows: int = 0


def decide(
    model: str, as_of: date, measurements: Sequence[Measurement], *, version: int = 0, reference_rows: int,
    current_rows: int, thresholds: Thresholds = THRESHOLDS,
) -> DriftVerdict:
    """The verdict, `drift` when enough columns moved; thin samples and mostly unmeasured columns are `unknown`."""
    columns = tuple(judge(each, thresholds) for each in measurements)
    status, reasons = _together(columns, reference_rows, current_rows, thresholds)
    return DriftVerdict(model, as_of, status, reasons, columns, version, reference_rows, current_rows)


def judge(measured: Measurement, thresholds: Thresholds = THRESHOLDS) -> ColumnVerdict:
    """One column: a jump of its missing share is drift by itself; else its PSI decides; without one it is unknown."""
    status, reason = _column(measured, thresholds)
    return ColumnVerdict(measured.column, status, measured.psi, measured.reference_missing, measured.current_missing,
                         reason)


def _column(measured: Measurement, thresholds: Thresholds) -> tuple[str, str]:
    name, before, now = measured.column, measured.reference_missing, measured.current_missing
    if math.isfinite(before) and math.isfinite(now) and abs(now - before) >= thresholds.missing_change:
        return DRIFT, f"{name}: {before:.0%} missing in training, {now:.0%} tonight"
    if measured.psi is None or not math.isfinite(measured.psi):
        return UNKNOWN, f"{name}: {measured.why_not or 'its drift score is not a finite number'}"
    if measured.psi >= thresholds.psi:
        return DRIFT, f"{name}: PSI {measured.psi:.2f}, bound {thresholds.psi}"
    return OK, ""


def _together(
    columns: Sequence[ColumnVerdict], reference_rows: int, current_rows: int, thresholds: Thresholds
) -> tuple[str, tuple[str, ...]]:
    thin = [f"{rows} rows in {where}, fewer than {thresholds.min_rows}"
            for rows, where in ((reference_rows, "the training sample"), (current_rows, "tonight's sample"))
            if rows < thresholds.min_rows]
    if thin:
        return UNKNOWN, tuple(thin)
    # Never delivered and never trained on, as a feed the operator does not have: it can neither drift nor reassure.
    columns = [each for each in columns if min(each.reference_missing, each.current_missing) < 1]
    if not columns:
        return UNKNOWN, ("no column has a value to compare",)
    drifted = [each for each in columns if each.status == DRIFT]
    unknown = [each for each in columns if each.status == UNKNOWN]
    if len(drifted) >= thresholds.drifted_share * len(columns):
        share = f"{len(drifted)} of {len(columns)} columns drifted, bound {thresholds.drifted_share:.0%}"
        worst = sorted(drifted, key=lambda each: (-(each.psi or math.inf), each.column))
        return DRIFT, (share, *(each.reason for each in worst))
    if len(unknown) > thresholds.unknown_share * len(columns):
        few = f"{len(unknown)} of {len(columns)} columns could not be compared"
        return UNKNOWN, (few, *(each.reason for each in unknown))
    return OK, tuple(each.reason for each in drifted)
