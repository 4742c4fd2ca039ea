"""F51: when everything drifts at once it is the feed: it holds. A storm that goes on asks for one retrain, not for one
a night."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pipelines.monitoring.measure import Family, Measure
from pipelines.monitoring.triage import THRESHOLDS, Action, Cause, Context, triage

NIGHT = date(2026, 9, 1)
SOURCES = {f"{table}_{place}": f"ftr_subscriber_{table}" for table in ("billing", "network", "care")
           for place in range(10)}
CONTEXT = Context("churn", NIGHT, 5000, 5000, last_year=dict.fromkeys(SOURCES, 0.9), sources=SOURCES,
                  before=frozenset())


def night(*tables: str) -> list[Measure]:
    """Every column of these sources in alarm."""
    return [Measure(Family.INPUT, "psi", name, 3.0 if table.rsplit("_", 1)[1] in tables else 0.01, 0.2)
            for name, table in SOURCES.items()]


@pytest.mark.parametrize("table", ["billing", "network", "care"])
@pytest.mark.mlts("O2")
def test_zeros_in_one_source_hold_and_name_its_columns(table: str) -> None:
    found = triage(night(table), CONTEXT)
    assert (found.cause, found.action) == (Cause.BROKEN_FEED, Action.HOLD)
    assert f"most of ftr_subscriber_{table} moved overnight" in found.reasons[0]
    assert set(found.columns) == {name for name in SOURCES if name.startswith(table)}


def test_a_feed_that_its_own_checks_call_broken_holds_though_everything_drifts() -> None:
    feed = Measure(Family.QUALITY, "zeros", "network.usage_daily", 1.0, 0.2)
    assert triage([*night("billing", "network", "care"), feed], CONTEXT).action is Action.HOLD


def test_columns_that_moved_over_weeks_or_in_several_sources_are_people_and_not_a_feed() -> None:
    known = replace(CONTEXT, before=frozenset(name for name in SOURCES if name.startswith("network")))
    assert triage(night("network"), known).cause is Cause.POPULATION_SHIFT
    assert triage(night("network", "billing"), CONTEXT).cause is Cause.POPULATION_SHIFT


def test_a_storm_of_sixty_nights_asks_for_one_retrain_in_four_weeks() -> None:
    asked: list[date] = []
    for off in range(60):
        tonight = replace(CONTEXT, as_of=NIGHT + timedelta(days=off), asked=tuple(asked))
        found = triage(night("billing", "network", "care"), tonight)
        assert found.cause is Cause.POPULATION_SHIFT
        if found.action is Action.RETRAIN:
            asked.append(tonight.as_of)
        else:
            assert any("the next may be asked for" in reason for reason in found.reasons)
    assert [(day - NIGHT).days for day in asked] == [0, THRESHOLDS.cool_down_days, 2 * THRESHOLDS.cool_down_days]


def test_nights_judged_backwards_or_again_ask_no_more_often() -> None:
    asked: set[date] = set()
    for off in [*range(40, 0, -1), *range(40)]:
        tonight = replace(CONTEXT, as_of=NIGHT + timedelta(days=off), asked=tuple(asked))
        if triage(night("billing", "network", "care"), tonight).action is Action.RETRAIN:
            asked.add(tonight.as_of)
    days = sorted((day - NIGHT).days for day in asked)
    assert days == [12, 40]
