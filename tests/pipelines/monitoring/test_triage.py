"""From measures to one cause and one action: precedence, known changes, season, cool-down, and purity."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest

from pipelines.monitoring.measure import Family, Measure
from pipelines.monitoring.triage import THRESHOLDS, Action, Cause, Change, Context, triage

NIGHT = date(2026, 9, 1)
COLUMNS = [f"c{place:02d}" for place in range(20)]


def context(**facts: object) -> Context:
    return replace(Context("churn", NIGHT, 10_000, 10_000), **facts)  # type: ignore[arg-type]


def inputs(moved: int = 0, name: str = "psi") -> list[Measure]:
    """Twenty columns, the first `moved` in alarm."""
    return [Measure(Family.INPUT, name, column, 0.9 if place < moved else 0.01, 0.2)
            for place, column in enumerate(COLUMNS)]


def alarm(family: Family, name: str = "x", subject: str = "all") -> Measure:
    return Measure(family, name, subject, 2.0, 1.0)


FEED = alarm(Family.QUALITY, "zeros", "network.usage_daily")
JOIN = alarm(Family.CONTINUITY, "reordered", "data_mb_7d")
LOST = alarm(Family.INPUT, "missing", "c15")
TRUTH = alarm(Family.PERFORMANCE, "calibration", "matured")
LEAVING = alarm(Family.PEERS, "leavers", "contract_type=monthly")
COHORT = alarm(Family.PEERS, "data_mb_7d", "region=north")
SCORES = alarm(Family.SCORE, "ks", "all scores")
PRICES = Change("prices", NIGHT - timedelta(days=20), "prices of alpha changed", frozenset(COLUMNS[:5]),
                frozenset({"operator=alpha"}))


def test_a_night_within_its_bounds_is_quiet_and_asks_for_nothing() -> None:
    found = triage(inputs(), context())
    assert (found.cause, found.action, found.reasons) == (Cause.QUIET, Action.NONE, ())


def test_one_column_of_many_is_told_and_is_no_shift() -> None:
    found = triage(inputs(1), context())
    assert (found.cause, found.action, found.columns) == (Cause.QUIET, Action.NONE, ("c00",))


@pytest.mark.parametrize("fault", [FEED, JOIN, LOST], ids=["feed", "join", "missing"])
def test_a_broken_feed_holds_whatever_else_is_in_alarm(fault: Measure) -> None:
    for others in ([], inputs(20), [*inputs(20), TRUTH, SCORES, LEAVING]):
        found = triage([*others, fault], context(last_year={}, changes=(PRICES,)))
        assert (found.cause, found.action) == (Cause.BROKEN_FEED, Action.HOLD)
        assert any(reason.startswith(f"{fault.subject}: {fault.name}") for reason in found.reasons)


def test_one_column_just_beyond_its_bound_is_no_broken_join_and_two_are() -> None:
    near = replace(JOIN, value=1.1)
    assert triage([*inputs(), near], context()).cause is Cause.QUIET
    assert triage([*inputs(), near, replace(near, subject="voice_min_30d")], context()).cause is Cause.BROKEN_FEED
    assert triage([*inputs(), replace(near, value=2.0)], context()).cause is Cause.BROKEN_FEED


def test_enough_columns_that_last_years_night_does_not_know_are_a_shift_and_a_retrain() -> None:
    least = int(THRESHOLDS.drifted_share * len(COLUMNS))
    found = triage(inputs(least), context(last_year=dict.fromkeys(COLUMNS, 0.8)))
    assert (found.cause, found.action) == (Cause.POPULATION_SHIFT, Action.RETRAIN)
    assert found.columns == tuple(COLUMNS[:least])
    assert triage(inputs(least - 1), context(last_year=dict.fromkeys(COLUMNS, 0.8))).cause is Cause.QUIET


def test_fewer_columns_are_a_shift_where_the_scores_moved_with_them() -> None:
    found = triage([*inputs(1), SCORES], context(last_year={}))
    assert (found.cause, found.action) == (Cause.POPULATION_SHIFT, Action.RETRAIN)


def test_without_last_year_only_a_shift_that_reaches_the_scores_is_trained_for() -> None:
    told, trained = triage(inputs(10), context()), triage([*inputs(10), SCORES], context())
    assert (told.cause, told.action) == (Cause.POPULATION_SHIFT, Action.FLAG)
    assert "no same weeks last year" in told.reasons
    assert (trained.cause, trained.action) == (Cause.POPULATION_SHIFT, Action.RETRAIN)


@pytest.mark.mlts("O7")
def test_matured_labels_are_worth_a_training_and_a_leading_sign_is_told_before_them() -> None:
    leading, matured = triage([*inputs(), LEAVING], context()), triage([*inputs(), LEAVING, TRUTH], context())
    assert (leading.cause, leading.action) == (Cause.CONCEPT_SHIFT, Action.FLAG)
    assert leading.cohorts == ("contract_type=monthly",)
    assert (matured.cause, matured.action) == (Cause.CONCEPT_SHIFT, Action.RETRAIN)
    assert matured.reasons[0].startswith("matured: calibration 2")


def test_a_cohort_that_moved_alone_is_told_and_not_trained_for() -> None:
    found = triage([*inputs(), COHORT, replace(COHORT, name="contacts_7d")], context(last_year={}))
    assert (found.cause, found.action, found.cohorts) == (Cause.POPULATION_SHIFT, Action.FLAG, ("region=north",))
    alone = triage([*inputs(), COHORT], context(last_year={}))
    assert (alone.cause, alone.cohorts) == (Cause.QUIET, ("region=north",))


def test_a_known_change_explains_what_it_moves_and_nothing_else() -> None:
    explained = triage(inputs(5), context(changes=(PRICES,), last_year={}))
    assert (explained.cause, explained.action) == (Cause.KNOWN_CHANGE, Action.FLAG)
    assert "prices of alpha changed" in explained.reasons[0]
    assert explained.columns == tuple(COLUMNS[:5])
    beyond = triage(inputs(12), context(changes=(PRICES,), last_year={}))
    assert (beyond.cause, beyond.action) == (Cause.POPULATION_SHIFT, Action.RETRAIN)


def test_a_join_is_not_called_broken_for_what_a_price_list_moves() -> None:
    moved = alarm(Family.CONTINUITY, "reordered", "c00")
    assert triage([*inputs(), moved], context(changes=(PRICES,))).cause is Cause.KNOWN_CHANGE
    assert triage([*inputs(), moved], context()).cause is Cause.BROKEN_FEED


def test_a_feed_that_a_known_change_fills_is_not_broken_while_the_change_is_new() -> None:
    rows = alarm(Family.QUALITY, "rows", "billing_alpha.subscriptions")
    change = replace(PRICES, known_on=NIGHT, feeds=("billing_alpha.",))
    assert triage([*inputs(), rows], context(changes=(change,))).cause is Cause.KNOWN_CHANGE
    other, old = replace(rows, subject="care.complaints"), replace(change, known_on=PRICES.known_on)
    assert triage([*inputs(), other], context(changes=(change,))).action is Action.HOLD
    assert triage([*inputs(), rows], context(changes=(old,))).action is Action.HOLD


def test_equipment_of_one_region_explains_nothing_of_another() -> None:
    swap = Change("vendor", NIGHT - timedelta(days=20), "cells of north went from ericsson to nokia",
                  frozenset({"dl_latency_ms_30d"}), frozenset({"region=north"}))
    north = alarm(Family.PEERS, "dl_latency_ms_30d", "region=north")
    assert swap.explains(north)
    assert not swap.explains(replace(north, subject="region=south"))
    assert not swap.explains(replace(north, name="leavers"))


def test_a_known_change_is_told_while_it_is_new_even_if_nothing_moved() -> None:
    swap = Change("vendor", NIGHT - timedelta(days=THRESHOLDS.new_days - 1), "80 cells of north are nokia now")
    assert triage(inputs(), context(changes=(swap,))).cause is Cause.KNOWN_CHANGE
    old = replace(swap, known_on=NIGHT - timedelta(days=THRESHOLDS.new_days))
    assert triage(inputs(), context(changes=(old,))).cause is Cause.QUIET


def test_matured_labels_speak_over_a_known_change() -> None:
    found = triage([*inputs(5), TRUTH], context(changes=(PRICES,)))
    assert (found.cause, found.action) == (Cause.CONCEPT_SHIFT, Action.RETRAIN)
    assert any("prices of alpha changed" in reason for reason in found.reasons)


def test_what_a_broken_feed_left_in_the_windows_is_not_trained_for() -> None:
    held = context(last_year={}, held=(NIGHT - timedelta(days=9),))
    found = triage([*inputs(10), SCORES], held)
    assert (found.cause, found.action) == (Cause.POPULATION_SHIFT, Action.FLAG)
    assert any("a feed was broken on 2026-08-23" in reason for reason in found.reasons)
    later = replace(held, as_of=NIGHT + timedelta(days=THRESHOLDS.window_days))
    assert triage([*inputs(10), SCORES], later).action is Action.RETRAIN


def test_no_number_is_never_a_pass() -> None:
    for value in (None, float("nan"), float("inf")):
        blind = [replace(each, value=value, detail="crashed") for each in inputs()]
        found = triage(blind, context())
        assert (found.cause, found.action) == (Cause.UNKNOWN, Action.NONE)
        assert "20 of 20 columns could not be compared" in found.reasons[0]


def test_unmeasured_columns_are_unknown_only_when_they_are_most() -> None:
    half = [replace(each, value=None) if place < 10 else each for place, each in enumerate(inputs())]
    assert triage(half, context()).cause is Cause.QUIET
    assert triage([*half[:10], replace(half[10], value=None), *half[11:]], context()).cause is Cause.UNKNOWN


SINGLE = (FEED, JOIN, LOST, TRUTH, LEAVING, COHORT, SCORES)
RANK = [Cause.BROKEN_FEED, Cause.UNKNOWN, Cause.CONCEPT_SHIFT, Cause.KNOWN_CHANGE, Cause.SEASON,
        Cause.POPULATION_SHIFT, Cause.QUIET]


@pytest.mark.parametrize("moved", [0, 1, 8, 20])
def test_for_every_set_of_alarms_the_verdict_is_pure_and_only_shifts_retrain(moved: int) -> None:
    """All 128 sets of single alarms, with and without a change and last year, in two orders."""
    draw = random.Random(moved)
    for chosen in product((False, True), repeat=len(SINGLE)):
        alarms = [each for each, is_in in zip(SINGLE, chosen, strict=True) if is_in]
        for last_year, changes in product((None, {}, dict.fromkeys(COLUMNS, 0.01)), ((), (PRICES,))):
            told = context(last_year=last_year, changes=changes)
            measures = [*inputs(moved), *alarms]
            found = triage(measures, told)
            draw.shuffle(measures)
            assert triage(measures, told) == found
            assert (found.action is Action.HOLD) == (found.cause is Cause.BROKEN_FEED)
            if found.action is Action.RETRAIN:
                assert found.cause in (Cause.POPULATION_SHIFT, Cause.CONCEPT_SHIFT)
            if found.cause is not Cause.QUIET:
                assert found.reasons


def test_one_more_alarm_never_makes_a_verdict_milder_than_its_own_cause() -> None:
    """A cause that speaks first keeps its place whatever is added behind it."""
    own = {FEED: Cause.BROKEN_FEED, TRUTH: Cause.CONCEPT_SHIFT}
    for alarmed, cause in own.items():
        for other in SINGLE:
            found = triage([*inputs(), alarmed, other], context())
            assert RANK.index(found.cause) <= RANK.index(cause), (alarmed, other)
