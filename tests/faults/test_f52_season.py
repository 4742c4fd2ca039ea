"""F52: what moves every year at this time is flagged and trained for by nobody."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.monitoring.measure import Family, Measure
from pipelines.monitoring.triage import THRESHOLDS, Action, Cause, Context, triage

COLUMNS = [f"c{place}" for place in range(10)]
MOVED = [Measure(Family.INPUT, "psi", name, 0.9 if place < 6 else 0.01, 0.2) for place, name in enumerate(COLUMNS)]


def judged(last_year: dict[str, float | None] | None, *more: Measure) -> tuple[Cause, Action]:
    found = triage([*MOVED, *more], Context("churn", date(2026, 12, 1), 5000, 5000, last_year=last_year))
    return found.cause, found.action


def test_columns_that_are_where_they_were_a_year_ago_are_the_season() -> None:
    assert judged(dict.fromkeys(COLUMNS, 0.02)) == (Cause.SEASON, Action.FLAG)
    scores = Measure(Family.SCORE, "ks", "all scores", 0.5, 0.1)
    assert judged(dict.fromkeys(COLUMNS, 0.02), scores) == (Cause.SEASON, Action.FLAG)


def test_the_same_shift_that_last_year_did_not_have_is_trained_for() -> None:
    assert judged(dict.fromkeys(COLUMNS, 0.7)) == (Cause.POPULATION_SHIFT, Action.RETRAIN)
    assert judged(dict.fromkeys(COLUMNS)) == (Cause.POPULATION_SHIFT, Action.RETRAIN)


@pytest.mark.parametrize(("alike", "cause"), [(5, Cause.SEASON), (4, Cause.POPULATION_SHIFT)])
def test_most_of_what_moved_must_be_the_season(alike: int, cause: Cause) -> None:
    assert 4 / 6 < THRESHOLDS.explained_share <= 5 / 6
    assert judged({name: 0.02 if place < alike else 0.7 for place, name in enumerate(COLUMNS)})[0] is cause


def test_a_season_with_labels_that_went_wrong_is_no_season() -> None:
    truth = Measure(Family.PERFORMANCE, "calibration", "matured", 0.9, 0.3)
    assert judged(dict.fromkeys(COLUMNS, 0.02), truth) == (Cause.CONCEPT_SHIFT, Action.RETRAIN)


def test_without_last_year_the_shift_is_told_and_waits_for_its_effect_on_the_scores() -> None:
    assert judged(None) == (Cause.POPULATION_SHIFT, Action.FLAG)
