"""A version that passed the gate is scored beside the champion for some nights before it may take its place."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from pipelines import champions, promotion, tracking
from pipelines.models.spec import Shadow
from pipelines.promotion import shadow
from pipelines.promotion.comparison import Comparison, figures, judge

T = date(2026, 6, 1)


def night(number: int) -> date:
    return T + timedelta(days=number)


def compared(number: int, **other: Any) -> Comparison:
    told = {"agreement": 0.45, "rank_correlation": 0.9, "top_decile_churn": 0.3, "shift": 0.05, "ks": 0.3,
            "mean_change": 0.02, "unmatched": 0, **other}
    return Comparison(as_of=night(number), champion=1, champion_sha256="a", challenger=2, challenger_sha256="b",
                      rows=1000, **told)


def test_the_figures_of_a_model_beside_itself_and_beside_chance() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.random(20_000), draw.random(20_000)
    assert figures(one, one) == {
        "agreement": 1.0, "rank_correlation": pytest.approx(1.0), "top_decile_churn": 0.0, "shift": 0.0, "ks": 0.0,
        "mean_change": 0.0,
    }
    apart = figures(one, other)
    assert apart["agreement"] == pytest.approx(0.1, abs=0.01)
    assert apart["rank_correlation"] == pytest.approx(0.0, abs=0.03)
    assert apart["top_decile_churn"] == pytest.approx(0.9, abs=0.02)
    halved = figures(one, one / 2)
    assert (halved["agreement"], halved["mean_change"]) == (1.0, pytest.approx(0.5))
    assert halved["shift"] == pytest.approx(0.5)
    assert halved["ks"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.mlts("I6")
@pytest.mark.parametrize(("name", "value", "sentence"), [
    ("agreement", 0.11, "11.0% of the subscribers are in the same tenth on the worst night, 2026-06-08; at least"),
    ("rank_correlation", 0.2, "0.200 rank correlation with the champion's scores on the worst night, 2026-06-08"),
    ("top_decile_churn", 0.85, "85.0% of the champion's top tenth are not in the challenger's on the worst night"),
    ("shift", 0.9, "90.0% of the champion's mean is how far the distribution moved on the worst night, 2026-06-08"),
    ("shift", math.nan, "unknown of the champion's mean"),
    ("unmatched", 3, "3 subscribers were scored by only one of the two on 2026-06-08; none is borne"),
])
def test_one_bad_night_refuses_and_says_which(name: str, value: float, sentence: str) -> None:
    nights = [compared(6), compared(7, **{name: value}), compared(8)]
    assert judge([compared(6), compared(7), compared(8)], Shadow()).passed
    verdict = judge(nights, Shadow())
    assert not verdict.passed
    assert len(verdict.reasons) == 1
    assert sentence in verdict.reasons[0]


def test_too_few_nights_and_none_at_all_are_no_pass() -> None:
    assert judge([compared(6), compared(7)], Shadow()).reasons == (
        "scored beside the champion on 2 nights; 3 are needed",)
    assert len(judge([], Shadow()).reasons) == 6


@pytest.mark.mlts("I6")
def test_a_version_that_passed_is_not_champion_before_its_shadow_nights(world: Any) -> None:
    second = world.begun()
    assert world.line() == [(1, T)]
    assert "v2 is in shadow from 2026-06-08, 0 of 3 nights beside v1: none yet" in world.told[-1]
    for number in (7, 8):
        world.shadowed("churn", night(number))
        assert world.advance().champion is None
    world.shadowed("churn", night(9))
    entered = world.advance().champion
    assert (entered.version, entered.from_as_of) == (second, night(10))
    assert world.aliases() == {"challenger": None, "champion": 2, "previous": 1}
    assert entered.reason == "passed the gate and its shadow nights beside v1"
    assert shadow.standing("churn") is None


def test_nights_count_by_date_so_repeating_and_backfilling_old_ones_ends_nothing(world: Any) -> None:
    world.begun()
    world.shadowed("churn", night(7))
    for _ in range(3):
        world.shadowed("churn", night(7))
        assert world.advance().champion is None
    for old in (3, 4, 5):  # before its first night: as if an old night had been compared
        world.shadowed("churn", night(old))
    assert world.advance().champion is None
    assert "1 of 3 nights beside v1: 2026-06-08" in world.told[-1]


@pytest.mark.parametrize("order", [(7, 8, 9, 10), (10, 9, 8, 7), (9, 7, 10, 8), (10, 7, 9, 8)])
def test_in_whatever_order_the_nights_run_the_verdict_rests_on_the_same_ones(world: Any, order: Any) -> None:
    """All four are published first, as a backfill does; the second of them is the one that refuses."""
    world.begun()
    for number in order:
        world.scored("churn", night(number), 1)
    for number in order:
        if shadow.standing("churn"):
            world.shadowed("churn", night(number), agreement=0.12 if number == 8 else 0.4)
            world.advance()
    ended = shadow.ending("churn", 2)
    assert ended is not None
    assert "on the worst night, 2026-06-09" in ended.reasons[0]
    assert world.line() == [(1, T)]


def test_a_night_that_is_never_scored_is_waited_for_and_then_passed_over(world: Any) -> None:
    world.begun()
    world.scored("churn", night(8), 1)
    for number in (7, 9, 10):
        world.shadowed("churn", night(number))
        assert world.advance().champion is None
    assert "2026-06-09 is not scored beside v1 yet" in world.told[-1]
    for number in (11, 12):
        world.shadowed("churn", night(number))
        found = world.advance()
    assert found.champion.version == 2


def test_a_refused_shadow_stays_refused_and_its_reason_can_be_read(world: Any) -> None:
    world.begun()
    for number in (7, 8, 9):
        world.shadowed("churn", night(number), rank_correlation=0.1)
    step = world.advance()
    assert step.champion is None
    assert "v2 was refused after its shadow nights: 0.100 rank correlation" in step.why
    assert world.aliases()["challenger"] is None
    assert "no challenger; v2 was refused in shadow: 0.100 rank correlation" in world.advance().why
    tracking.set_alias("telco_churn", "challenger", 2)  # whoever moves the alias, with whichever tool
    assert "was refused in shadow" in world.advance().why
    assert world.aliases()["challenger"] is None
    assert world.line() == [(1, T)]


def test_a_newer_version_takes_the_place_in_shadow_with_nights_of_its_own(world: Any) -> None:
    world.begun()
    world.shadowed("churn", night(7))
    world.shadowed("churn", night(8))
    third = world.version("churn", night(8))
    world.advance()
    found = shadow.standing("churn")
    assert (found.version, found.from_as_of) == (third, night(9))
    world.shadowed("churn", night(9))
    assert "1 of 3 nights" in world.advance().why


def test_nights_beside_another_champion_do_not_count(world: Any) -> None:
    world.begun()
    for number in (7, 8):
        world.shadowed("churn", night(number))
    bundle = promotion.bundles.load(promotion.bundles.path_of("churn", 1))
    promotion.bundles.save(promotion.bundles.path_of("churn", 9), {**bundle.facts, "version": 9})
    nine = promotion.bundles.load(promotion.bundles.path_of("churn", 9))
    champions.enter("churn", 9, night(9), nine.sha256, reason="test")
    assert shadow.compared(shadow.standing("churn"), champions.succession("churn")[-1]) == []


def test_a_former_champion_comes_back_by_rollback_only(world: Any) -> None:
    world.begun()
    for number in (7, 8, 9):
        world.shadowed("churn", night(number))
    assert world.advance().champion.version == 2
    tracking.set_alias("telco_churn", "challenger", 1)
    assert "v1 has been champion before; telco rollback brings it back" in world.advance().why
    assert world.line() == [(1, T), (2, night(10))]


def test_aliases_that_somebody_moved_are_put_back_and_decide_nothing(world: Any) -> None:
    refused = world.version("churn", night(3), passed=False)
    tracking._client().set_registered_model_alias("telco_churn", "champion", str(refused))
    assert champions.in_force("churn", night(9)).version == 1
    world.advance()
    assert world.aliases()["champion"] == 1
    told = f"the alias champion stood at v{refused}, the champion log says v1, which decides: moved back"
    assert told in world.told[0]
