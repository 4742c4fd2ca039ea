"""What was done to the judged rows is told apart: contacted, held out, neither, unknown."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.models.spec import Split
from pipelines.training import campaigns, stack


def judged(contacted: np.ndarray, held_out: np.ndarray, label: np.ndarray) -> stack.Stack:
    count = len(label)
    arms = {"is_contacted_in_window": contacted.astype(np.int8), "is_held_out_in_window": held_out.astype(np.int8)}
    return stack.Stack(("x",), np.zeros((count, 1), dtype=np.float32), label, np.zeros(count, dtype="M8[us]"),
                       None, {}, frozenset(), "is_churned", arms)


def test_a_campaign_that_keeps_people_shows_beside_its_control() -> None:
    random, count = np.random.default_rng(3), 40_000
    arm = random.integers(0, 3, count)
    truth = (random.random(count) < np.where(arm == 1, 0.05, 0.10)).astype(float)
    told = {one["arm"]: one for one in campaigns.arms(judged(arm == 1, arm == 2, truth), np.full(count, 0.1), Split())}
    assert set(told) == {"contacted", "held out", "neither"}
    assert sum(one["share"] for one in told.values()) == pytest.approx(1)
    assert told["contacted"]["observed_high"] < told["held out"]["observed_low"]
    assert told["contacted"]["ece"] > 0.04
    assert told["held out"]["ece"] < 0.01


def test_where_nobody_delivers_campaigns_nothing_is_told() -> None:
    unknown = np.full(500, -1)
    assert campaigns.arms(judged(unknown, unknown, np.zeros(500)), np.zeros(500), Split()) == ()


def test_rows_of_an_operator_without_the_feed_are_unknown_and_a_thin_arm_has_no_calibration() -> None:
    contacted = np.r_[np.full(100, -1), np.ones(10), np.zeros(390)]
    told = {one["arm"]: one for one in
            campaigns.arms(judged(contacted, np.zeros(500), np.zeros(500)), np.zeros(500), Split())}
    assert {name: one["rows"] for name, one in told.items()} == {"unknown": 100, "contacted": 10, "neither": 390}
    assert np.isnan(told["contacted"]["ece"])


def test_the_interval_is_wilsons() -> None:
    low, high = campaigns.wilson(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    assert campaigns.wilson(0, 50)[0] == 0.0
