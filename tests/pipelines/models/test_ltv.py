"""The lifetime-value formula against numbers worked out by hand, and what must hold for every input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.models.ltv import discount, expected_margin, held, survival

HAZARDS = arrays(np.float64, (5, 6), elements=st.floats(0, 1))
MARGINS = arrays(np.float64, (5, 6), elements=st.floats(0, 500))


def test_nobody_leaves_and_no_discount_is_months_times_margin():
    assert expected_margin(survival(np.zeros((1, 12))), np.full((1, 12), 20.0), 0.0) == pytest.approx([240.0])


def test_two_months_by_hand():
    stay = survival([[0.1, 0.2]])
    assert stay.tolist() == [[1.0, 0.9, pytest.approx(0.72)]]
    by_hand = 10 * 0.95 * 1.01**-0.5 + 12 * (0.9 + 0.72) / 2 * 1.01**-1.5
    assert expected_margin(stay, [[10.0, 12.0]], 0.01) == pytest.approx([by_hand])


def test_who_leaves_for_certain_pays_half_of_the_month_they_leave_in():
    assert expected_margin(survival([[1.0, 0.0]]), [[50.0, 50.0]], 0.0) == pytest.approx([25.0])


def test_the_discount_is_that_of_the_months_middle():
    assert discount(2, 0.01) == pytest.approx([1.01**-0.5, 1.01**-1.5])


def test_a_negative_margin_stays_negative():
    assert expected_margin(survival(np.full((1, 12), 0.02)), np.full((1, 12), -5.0), 0.0064)[0] < 0


def test_an_unknown_stays_unknown():
    stay = survival([[np.nan, 0.1], [0.1, 0.1], [0.1, 0.1]])
    worth = expected_margin(stay, [[10.0, 10.0], [np.nan, 10.0], [10.0, 10.0]], 0.0)
    assert np.isnan(worth).tolist() == [True, True, False]


def test_months_nobody_saw_hold_the_last_one_seen():
    assert held([[1.0, 2.0]], 4).tolist() == [[1.0, 2.0, 2.0, 2.0]]
    assert held([[1.0, 2.0, 3.0]], 2).tolist() == [[1.0, 2.0]]


@given(HAZARDS)
def test_survival_starts_at_one_never_rises_and_stays_a_share(hazard):
    stay = survival(hazard)
    assert (stay[:, 0] == 1).all()
    assert (np.diff(stay, axis=1) <= 0).all()
    assert ((stay >= 0) & (stay <= 1)).all()
    assert (stay[:, 1] == 1 - hazard[:, 0]).all()


@given(HAZARDS, MARGINS, st.integers(0, 5), st.floats(0, 0.05))
def test_more_risk_in_any_month_is_never_more_value_where_margins_are_positive(hazard, margin, month, rate):
    riskier = hazard.copy()
    riskier[:, month] = (riskier[:, month] + 1) / 2
    before, after = (expected_margin(survival(one), margin, rate) for one in (hazard, riskier))
    assert (after <= before + 1e-9).all()
    assert (before <= expected_margin(survival(np.zeros_like(hazard)), margin, 0.0) + 1e-9).all()


@pytest.mark.parametrize("p", [-0.01, 1.01, 2.0])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match="probability"):
        survival([[0.5, p]])


@pytest.mark.parametrize(("months", "rate"), [(0, 0.0), (12, -1.0)])
def test_a_horizon_or_discount_that_means_nothing_is_refused(months, rate):
    with pytest.raises(ValueError, match="months"):
        discount(months, rate)


def test_survival_and_margin_of_other_months_are_refused():
    with pytest.raises(ValueError, match="n \\+ 1 and n columns"):
        expected_margin(survival([[0.1, 0.1]]), [[1.0, 1.0, 1.0]], 0.0)
    with pytest.raises(ValueError, match="one column per month"):
        survival([0.1, 0.2])
