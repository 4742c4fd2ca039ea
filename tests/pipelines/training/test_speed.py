"""Speed is measured in turns, in CPU seconds, on the same rows, of what scoring calls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle as bundles
from pipelines.gate import Case, Comparison
from pipelines.gate import speed as bounds
from pipelines.models import SPECS
from pipelines.training import recipe, speed

CHURN = SPECS["churn"]
ROWS = pd.DataFrame({"x": np.arange(400.0)})


def busy(loops: int):
    def score(rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(sum(np.sqrt(np.arange(5_000.0)).sum() for _ in range(loops)) + rows["x"].to_numpy())

    return score


def test_a_version_that_works_ten_times_as_long_is_refused_beside_the_champion_and_an_equal_one_is_not():
    refused = {}
    for loops in (30, 300):
        found = speed.measured(busy(loops), ROWS, busy(30), ROWS)
        case = Case(None, Comparison(1, 1, 1, "auc", 0.0, 0.0), found)  # type: ignore[arg-type]
        refused[loops] = [check.name for check in bounds.slowdown(case, CHURN.gate) if not check.passed]
    assert refused == {30: [], 300: ["speed_batch_champion", "speed_row_champion"]}


def test_in_turns_and_the_first_time_does_not_count():
    calls = []
    ours, theirs = (lambda rows, who=who: calls.append((who, len(rows))) or rows["x"].to_numpy() for who in "oc")
    found = speed.measured(ours, ROWS, theirs, ROWS)
    assert calls[:4] == [("o", 400), ("c", 400)] * 2
    assert calls.count(("o", 400)) == speed.BATCHES + 1
    assert calls.count(("c", 1)) == speed.SINGLES + 1
    assert found.rows_per_second > 0


def test_without_a_champion_there_is_no_ratio_and_without_rows_nothing_is_known():
    found = speed.measured(busy(1), ROWS, None, ROWS)
    assert (found.batch_slowdown, found.row_slowdown) == (None, None)
    nothing = speed.measured(busy(1), ROWS[:0], busy(1), ROWS[:0])
    assert np.isnan([nothing.rows_per_second, nothing.row_seconds]).all()
    case = Case(None, None, nothing)  # type: ignore[arg-type]
    assert not any(check.passed for check in bounds.budget(case, CHURN.gate))


@pytest.fixture(scope="module")
def two(frames):
    """A frame, a version, and one of other columns that the feature store is asked for."""
    frame = frames.rows(frames.START, 300)
    made = []
    for columns in (frames.COLUMNS, [*frames.COLUMNS[:3], "elsewhere"]):
        part = frame.assign(elsewhere=1.0)
        categories = bundles.learn_categories(part, columns)
        booster = recipe.refit(CHURN, recipe.encode(part, CHURN, columns, categories), 5)
        facts = {"columns": columns, "categories": categories, "calibrator": bundles.IDENTITY, "version": 1,
                 "feature_service": "churn_old", "model": "churn"}
        made.append(bundles.Bundle(None, "", facts, booster))  # type: ignore[arg-type]
    return frame, made[0], made[1]


def test_a_champion_of_another_feature_service_gets_its_own_columns_of_the_same_rows(two, monkeypatch, home):
    frame, ours, theirs = two
    asked = []

    def training_frame(spec, rows, service):
        asked.append((service, len(rows)))
        return rows.merge(frame.assign(elsewhere=1.0), on=["subscriber_id", "event_timestamp"])

    monkeypatch.setattr("pipelines.training.frames.training_frame", training_frame)
    found = speed.of_bundles(CHURN, ours, theirs, frame)
    assert asked == [("churn_old", 300)]
    assert found.rows_per_second > CHURN.gate.min_rows_per_second
    assert found.row_slowdown is not None
    assert replace(found, batch_slowdown=None) == speed.Speed(found.rows_per_second, found.row_seconds, None,
                                                              found.row_slowdown)
