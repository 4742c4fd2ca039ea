"""Longer horizons are judged as their quarters mature, one after another; who has left by then brings no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines import valuation
from pipelines.training.value import evidence, periods

MARGIN = 10.0  # EUR a month of everybody
STAYS, LEAVES, LEFT_AFTER = 30, 10, 20  # people, people, cut-offs


def history(weeks: int) -> periods.History:
    people = [(f"s{number:02d}", weeks) for number in range(STAYS)]
    people += [(f"t{number:02d}", LEFT_AFTER) for number in range(LEAVES)]
    rows = [(who, pd.Timestamp("2026-01-05") + pd.Timedelta(weeks=week))
            for who, count in people for week in range(min(count, weeks))]
    frame = pd.DataFrame(rows, columns=["subscriber_id", "event_timestamp"]).assign(is_churned=False)
    return periods.arranged(frame.sort_values(["event_timestamp", "subscriber_id"], ignore_index=True), "is_churned")


def told(weeks: int) -> dict[str, float]:
    """Every quarter's label is what a stayer brings in it; the outlook says that nobody ever leaves."""
    of = history(weeks)
    rows = np.arange(len(of.frame))
    outlook = valuation.Outlook(np.ones((len(rows), 13)), np.full((len(rows), 12), MARGIN))
    return evidence.horizons(of, rows, np.full(len(rows), 3 * MARGIN), outlook)


def test_nothing_is_said_of_a_horizon_no_cut_off_has_matured_for():
    assert told(13) == {}


def test_a_quarter_that_matured_after_another_is_added_to_it():
    found = told(14)  # one cut-off with another 91 days after it
    assert set(found) == {"total_bias_180d", "spearman_180d", "mae_180d"}
    assert found["total_bias_180d"] == pytest.approx(0.0)


def test_a_year_is_four_quarters_and_who_left_brings_nothing_after():
    found = told(40)  # exactly one cut-off with three more quarters after it
    assert {name.rsplit("_", 1)[1] for name in found} == {"180d", "270d", "360d"}
    # Who leaves has a row at the first two quarters' cut-offs, weeks 0 and 13, and none at weeks 26 and 39.
    realised = STAYS * 12 * MARGIN + LEAVES * 6 * MARGIN
    assert found["total_bias_360d"] == pytest.approx((STAYS + LEAVES) * 12 * MARGIN / realised - 1)
    assert found["mae_360d"] == pytest.approx(LEAVES * 6 * MARGIN / (STAYS + LEAVES))
