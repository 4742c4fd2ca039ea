"""Cut-offs are date arithmetic: matured ones on the grid, and slices a horizon apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipelines.models import SPECS
from pipelines.training.cutoffs import comparable, divide, matured

CHURN = SPECS["churn"]
START = date(2026, 1, 30)


def grid(count: int) -> list[date]:
    return [START + timedelta(days=7 * number) for number in range(count)]


def test_a_label_matures_on_the_day_after_horizon_and_grace_and_not_a_day_before():
    assert matured(CHURN, START + timedelta(days=36), START) == ()
    assert matured(CHURN, START + timedelta(days=37), START) == (START,)
    assert matured(CHURN, START + timedelta(days=43), START) == (START,)
    assert matured(CHURN, START + timedelta(days=44), START) == tuple(grid(2))


def test_only_the_newest_cutoffs_are_used():
    spec = replace(CHURN, split=replace(CHURN.split, max_cutoffs=3))
    assert matured(spec, START + timedelta(days=37 + 70), START) == tuple(grid(11)[-3:])


def test_173_days_of_weekly_cutoffs_give_fit_calibrate_and_test():
    slices = divide(grid(25), CHURN)
    assert slices.design == "out_of_time"
    assert [len(part) for part in (slices.fit, slices.calibrate, slices.test)] == [9, 4, 4]
    assert slices.test[-1] == grid(25)[-1]


@given(some.integers(2, 60))
def test_slices_are_a_horizon_apart_and_share_no_cutoff(count):
    slices = divide(grid(count), CHURN)
    if slices.design == "by_subscriber":
        assert count < 12
        assert slices.fit == slices.test == tuple(grid(count))
        return
    assert (slices.calibrate[0] - slices.fit[-1]).days >= CHURN.horizon_days
    assert (slices.test[0] - slices.calibrate[-1]).days >= CHURN.horizon_days
    assert slices.fit[0] == START
    assert slices.test[-1] == grid(count)[-1]


def test_one_cutoff_is_judged_by_subscriber_and_says_so():
    slices = divide([START], CHURN)
    assert slices.design == "by_subscriber"
    assert slices.why == "single cut-off: by subscriber"


def test_too_short_a_history_says_how_short():
    slices = divide(grid(4), CHURN)
    assert slices.design == "by_subscriber"
    assert "4 cut-offs within 21 days" in slices.why


@pytest.mark.parametrize(("days_after", "expected"), [(29, 0), (30, 1)])
def test_a_champion_is_compared_only_a_horizon_after_what_it_was_fitted_on(days_after, expected):
    test = [START + timedelta(days=days_after)]
    assert len(comparable(test, [START - timedelta(days=70), START], CHURN)) == expected
