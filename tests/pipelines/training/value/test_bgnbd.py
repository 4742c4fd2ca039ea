"""BG/NBD against the published estimates on CDNOW, and against customers drawn from the model itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import NotEnoughData
from pipelines.training.value import bgnbd, rivals


@pytest.fixture(scope="module")
def cdnow() -> list[np.ndarray]:
    """(x, t_x, T) in weeks of 2,357 CDNOW customers, as the package `lifetimes` carries them."""
    package = importlib.util.find_spec("lifetimes")
    assert package is not None, "the dev extra holds `lifetimes` for its CDNOW summary: make setup"
    folder = Path(next(iter(package.submodule_search_locations or ())))
    table = pd.read_csv(folder / "datasets" / "cdnow_customers_summary.csv")
    assert len(table) == 2357
    return [table[name].to_numpy(dtype=np.float64) for name in ("frequency", "recency", "T")]


def test_cdnow_gives_the_published_parameters_to_three_digits(cdnow):
    """The estimates of Fader, Hardie and Lee (2005)."""
    found = bgnbd.fit(*cdnow)
    assert [round(value, 3) for value in (found.r, found.alpha, found.a, found.b)] == [0.243, 4.414, 0.793, 2.426]


def test_the_papers_example_customer_buys_1_226_times_more(cdnow):
    """Two repeat purchases, the last in week 30.43 of 38.86: expected in the next 39 weeks."""
    model = bgnbd.BgNbd(0.243, 4.414, 0.793, 2.426)
    ahead = model.expected_purchases(np.array([2.0]), np.array([30.43]), np.array([38.86]), 39.0)
    assert ahead[0] == pytest.approx(1.226, abs=0.001)


def test_the_unit_of_time_changes_alpha_and_nothing_else(cdnow):
    weeks, days = bgnbd.fit(*cdnow), bgnbd.fit(cdnow[0], cdnow[1] * 7, cdnow[2] * 7)
    assert days.alpha == pytest.approx(weeks.alpha * 7, rel=1e-3)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-3)


def test_who_never_came_back_is_alive_and_long_silence_is_a_sign_of_leaving():
    model = bgnbd.BgNbd(0.243, 4.414, 0.793, 2.426)
    alive = model.alive(np.array([0.0, 5.0, 5.0]), np.array([0.0, 38.0, 10.0]), np.full(3, 38.86))
    assert alive[0] == 1.0
    assert alive[1] > alive[2]


def test_too_few_who_came_back_is_said():
    with pytest.raises(NotEnoughData, match="3 of 50 customers bought again"):
        bgnbd.fit(np.r_[np.ones(3), np.zeros(47)], np.r_[np.ones(3), np.zeros(47)], np.full(50, 10.0))


def test_regular_top_ups_are_valued_at_about_what_they_bring():
    """Everybody tops up once a month without fail: three more months bring about three margins."""
    random = np.random.default_rng(3)
    people = 400
    frame = pd.DataFrame({
        "subscriber_id": [f"s{number:03d}" for number in range(people)], "contract_type": ["prepaid", "12m"] * 200,
        "invoice_count_90d": np.full(people, 3), "tenure_days": np.full(people, 500),
        "days_since_last_invoice": random.integers(1, 28, people),
    })
    worth = rivals.prepaid(frame, np.full(people, 5.0), 3)
    assert worth is not None
    assert np.isnan(worth[1::2]).all()
    assert worth[::2].mean() == pytest.approx(15.0, rel=0.1)
