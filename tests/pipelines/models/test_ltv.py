"""The lifetime-value formula against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.models.ltv import expected_margin, survival


def test_nobody_leaves_and_no_discount_is_months_times_margin():
    assert expected_margin([0.0], [20.0], 12, 0.0) == pytest.approx([240.0])


def test_two_months_by_hand():
    by_hand = 10 * (0.9**0.5 * 1.01**-0.5 + 0.9**1.5 * 1.01**-1.5)
    assert expected_margin([0.1], [10.0], 2, 0.01) == pytest.approx([by_hand])


def test_a_certain_leaver_is_worth_nothing():
    assert expected_margin([1.0], [50.0], 12, 0.0) == pytest.approx([0.0])


def test_more_risk_is_less_value_and_a_negative_margin_stays_negative():
    worth = expected_margin(np.linspace(0, 1, 11), np.full(11, 30.0), 12, 0.0064)
    assert np.all(np.diff(worth) < 0)
    assert expected_margin([0.02], [-5.0], 12, 0.0064)[0] < 0


def test_an_unknown_stays_unknown():
    worth = expected_margin([np.nan, 0.1, 0.1], [10.0, np.nan, 10.0], 12, 0.0)
    assert np.isnan(worth).tolist() == [True, True, False]


@pytest.mark.parametrize("p", [-0.01, 1.01, 2.0])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match="probability"):
        expected_margin([0.5, p], [1.0, 1.0], 12, 0.0)


@pytest.mark.parametrize(("months", "discount"), [(0, 0.0), (12, -1.0)])
def test_a_horizon_or_discount_that_means_nothing_is_refused(months, discount):
    with pytest.raises(ValueError, match="months"):
        expected_margin([0.5], [1.0], months, discount)


def test_survival_of_a_year_is_twelve_months_in_a_row():
    assert survival([0.02], 12) == pytest.approx([0.98**12])
