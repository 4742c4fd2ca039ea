"""Bounds from quiet points alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.monitoring.calibration import ENOUGH, bounded, quiet
from pipelines.monitoring.measure import Family, Measure, Status

ROWS = 10_000
WEEKS = range(-84, 1, 7)


def psi(value: float | None) -> Measure:
    return Measure(Family.INPUT, "psi", "data_mb_7d", value)


def points(*values: float) -> list[tuple[int, float]]:
    return [(-7 * back, value) for back, value in enumerate(reversed(values))]


def test_a_constant_column_has_the_least_bound_and_its_noise_is_no_alarm() -> None:
    quietly = bounded(psi(0.001), [(day, 0.0) for day in WEEKS], 3, ROWS, ROWS)
    assert (quietly.status, quietly.bound) == (Status.OK, 0.05)


def test_the_bound_is_wider_for_a_column_that_moves_more_on_quiet_weeks() -> None:
    draw = np.random.default_rng(1)
    calm = bounded(psi(0.2), [(day, 0.02 + 0.001 * draw.random()) for day in WEEKS], 3, ROWS, ROWS)
    wild = bounded(psi(0.2), [(day, 0.2 * draw.random()) for day in WEEKS], 3, ROWS, ROWS)
    assert (calm.status, wild.status) == (Status.ALARM, Status.OK)


def test_small_samples_have_wider_bounds() -> None:
    past = [(day, 0.0) for day in WEEKS]
    assert bounded(psi(0.06), past, 3, ROWS, ROWS).status is Status.ALARM
    assert bounded(psi(0.06), past, 3, ROWS, 300).status is Status.OK


@pytest.mark.parametrize("days", [1, 30, 90])
def test_a_trend_by_construction_may_go_on_and_a_step_beyond_it_alarms(days: int) -> None:
    """The root of a PSI grows in a line as a yearly sum moves off its training sample."""
    past = [(day, (0.8 + 0.004 * day) ** 2) for day in WEEKS]
    going_on, beyond = (0.8 + 0.004 * days) ** 2, (1.1 + 0.004 * days) ** 2
    assert bounded(psi(going_on), past, days, ROWS, ROWS).status is Status.OK
    assert bounded(psi(beyond), past, days, ROWS, ROWS).status is Status.ALARM


def test_one_odd_week_among_many_does_not_widen_the_bound() -> None:
    past = points(*[0.010, 0.012, 0.011, 0.013, 0.9, 0.012, 0.010, 0.011, 0.012])
    assert bounded(psi(0.3), past, 3, ROWS, ROWS).status is Status.ALARM


def test_a_step_on_the_day_of_training_is_where_nights_start_from() -> None:
    """A day-zero dump takes usage to be known a day late: the day of training is the first to know it as nights do."""
    past = points(*[0.01] * 12, 5.5)
    assert bounded(psi(5.9), past, 5, ROWS, ROWS).status is Status.OK
    assert bounded(psi(15.0), past, 5, ROWS, ROWS).status is Status.ALARM


def test_too_few_quiet_points_give_the_wide_bound_and_say_so() -> None:
    found = bounded(psi(0.2), points(*[0.01] * (ENOUGH - 1)), 3, ROWS, ROWS)
    assert (found.status, found.bound) == (Status.OK, 0.25)
    assert "not calibrated: 5 quiet points, 6 wanted" in found.detail


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_no_number_stays_unknown(value: float | None) -> None:
    assert bounded(psi(value), points(*[0.01] * 12), 3, ROWS, ROWS).status is Status.UNKNOWN


def test_points_that_are_no_numbers_are_no_points() -> None:
    assert quiet(points(*[math.nan] * 12), rises=True) is None


def test_a_measure_that_is_wild_on_quiet_weeks_decides_nothing() -> None:
    dealt = Measure(Family.CONTINUITY, "reordered", "days_since_last_invoice", 1.0)
    found = bounded(dealt, points(*[0.7, 1.1, 1.0, 1.07, 0.9, 1.1, 1.04, 1.05]), 3, ROWS, ROWS)
    assert (found.status, found.bound) == (Status.OK, None)
    assert "decide" in found.detail
