"""Drift verdicts from measurements alone."""

from __future__ import annotations

import math
from datetime import date

import pytest

from pipelines.monitoring.decision import DRIFT, OK, THRESHOLDS, UNKNOWN, DriftVerdict, Measurement, decide, judge

NIGHT = date(2026, 9, 1)
QUIET = Measurement("quiet", 0.0, 0.0, psi=0.01)
MOVED = Measurement("moved", 0.0, 0.0, psi=0.6)


def verdict(*measurements: Measurement, rows: int = 1000, reference: int = 1000) -> DriftVerdict:
    return decide("churn", NIGHT, measurements, reference_rows=reference, current_rows=rows)


def test_a_quiet_night_is_ok() -> None:
    assert verdict(*[QUIET] * 10).status == OK


def test_enough_moved_columns_are_drift_and_are_named() -> None:
    night = verdict(*[QUIET] * 8, MOVED, MOVED)
    assert night.status == DRIFT
    assert "2 of 10 columns" in night.reasons[0]
    assert "moved: PSI 0.60" in night.reasons[1]


def test_one_moved_column_of_many_is_told_but_retrains_nothing() -> None:
    night = verdict(*[QUIET] * 19, MOVED)
    assert night.status == OK
    assert "moved" in night.reasons[0]


@pytest.mark.parametrize(("before", "now"), [(0.0, 0.3), (0.3, 0.0), (0.0, 1.0)])
def test_a_jump_of_the_missing_share_is_drift_whatever_the_score_says(before: float, now: float) -> None:
    assert judge(Measurement("usage", before, now, psi=0.0)).status == DRIFT


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_a_score_that_is_no_number_is_unknown_and_never_ok(score: float | None) -> None:
    assert judge(Measurement("odd", 0.0, 0.0, psi=score)).status == UNKNOWN


def test_the_bounds_themselves_count_as_drift() -> None:
    assert judge(Measurement("edge", 0.0, 0.0, psi=THRESHOLDS.psi)).status == DRIFT


@pytest.mark.parametrize(("rows", "reference"), [(0, 1000), (1, 1000), (1000, 0), (199, 1000)])
def test_a_thin_sample_is_unknown_even_when_every_column_moved(rows: int, reference: int) -> None:
    night = verdict(*[MOVED] * 10, rows=rows, reference=reference)
    assert night.status == UNKNOWN
    assert "rows in" in night.reasons[0]


def test_mostly_unmeasured_columns_are_unknown_with_their_reasons() -> None:
    blind = Measurement("blind", 0.0, 0.0, why_not="constant (1) in both")
    night = verdict(*[blind] * 6, *[QUIET] * 4)
    assert night.status == UNKNOWN
    assert "blind: constant (1) in both" in night.reasons


def test_a_model_without_columns_is_unknown() -> None:
    assert verdict().status == UNKNOWN


def test_a_feed_that_was_never_delivered_neither_drifts_nor_hides_what_does() -> None:
    never = [Measurement(f"care_{place}", 1.0, 1.0, why_not="no value at all") for place in range(8)]
    quiet = [Measurement(f"q{place}", 0.0, 0.0, psi=0.01) for place in range(3)]
    assert verdict(*never, *quiet).status == OK
    assert verdict(*never, Measurement("moved", 0.0, 0.0, psi=0.9), *quiet).status == DRIFT


def test_when_no_column_has_any_value_the_verdict_is_unknown() -> None:
    assert verdict(Measurement("care", 1.0, 1.0, why_not="no value at all")).status == UNKNOWN
