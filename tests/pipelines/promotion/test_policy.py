"""Who may promote: the policy of the estate, and that nobody approves what he trained."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipelines import promotion
from pipelines.errors import Held, UsageError
from pipelines.promotion import policy, shadow

T = date(2026, 6, 1)
NIGHT = T + timedelta(days=20)


def through_its_shadow(world: Any) -> int:
    second = world.begun()
    for number in (7, 8, 9):
        world.shadowed("churn", T + timedelta(days=number))
    return int(second)


def test_automatic_asks_nobody(world: Any) -> None:
    assert not policy.needs_approval()
    through_its_shadow(world)
    step = world.advance()
    assert (step.request, step.champion.version, step.champion.by) == (None, 2, "")


def test_approval_asks_with_the_evidence_and_promotes_nobody_alone(approval: None, world: Any) -> None:
    through_its_shadow(world)
    step = world.advance()
    assert step.champion is None
    assert (step.request.version, step.request.champion, step.request.trained_by) == (2, 1, "ada")
    assert "churn v2, trained by ada, passed the gate and its shadow nights beside champion v1" in step.request.words
    assert "- 45.0% of the subscribers are in the same tenth on the worst night" in step.request.words
    assert promotion.promote("churn", NIGHT, report=world.told.append) is None
    assert "v2 waits for a person's approval" in world.told[-1]
    assert world.line() == [(1, T)]


@pytest.mark.parametrize("name", ["ada", "Ada"])
def test_the_trainer_may_not_approve_his_own(approval: None, world: Any, name: str) -> None:
    through_its_shadow(world)
    with pytest.raises(Held, match=f"{name} trained it; the trainer may not approve his own version"):
        promotion.approve("churn", 2, NIGHT, by=name)
    assert world.line() == [(1, T)]


def test_somebody_else_may_and_the_log_says_who(approval: None, world: Any) -> None:
    through_its_shadow(world)
    entered = promotion.approve("churn", 2, NIGHT, by="grace")
    assert (entered.version, entered.from_as_of, entered.by) == (2, T + timedelta(days=10), "grace")
    assert promotion.approve("churn", 2, NIGHT, by="grace") == entered  # said twice
    assert world.line() == [(1, T), (2, T + timedelta(days=10))]


def test_nobody_is_told_from_an_unknown_trainer(approval: None, world: Any) -> None:
    with pytest.raises(Held, match="nobody knows who trained it"):
        policy.check_approver("churn", 2, "", "grace")
    policy.check_approver("churn", 2, policy.SCHEDULE, "grace")


@pytest.mark.parametrize("wanted", ["automatic", "approval"])
def test_a_persons_word_is_no_way_round_the_shadow(world: Any, request: Any, wanted: str) -> None:
    if wanted == "approval":
        request.getfixturevalue("approval")
    world.begun()
    world.shadowed("churn", T + timedelta(days=7))
    with pytest.raises(Held, match="1 of 3 nights beside v1"):
        promotion.approve("churn", 2, NIGHT, by="grace")
    assert world.line() == [(1, T)]


def test_only_the_challenger_can_be_approved(world: Any) -> None:
    with pytest.raises(Held, match="no challenger"):
        promotion.approve("churn", 7, NIGHT, by="grace")
    through_its_shadow(world)
    with pytest.raises(UsageError, match="churn v7 is not the challenger, v2 is"):
        promotion.approve("churn", 7, NIGHT, by="grace")


def test_a_rejection_ends_the_shadow_and_keeps_who_and_why(approval: None, world: Any) -> None:
    through_its_shadow(world)
    promotion.reject("churn", 2, by="grace", why="wait for the tariff change")
    ended = shadow.ending("churn", 2)
    assert (ended.outcome, ended.reasons, ended.by) == ("rejected", ("wait for the tariff change",), "grace")
    assert "v2 was rejected in shadow: wait for the tariff change" in world.advance().why
    promotion.reject("churn", 2, by="grace", report=world.told.append)
    assert "nothing to reject" in world.told[-1]


def test_one_night_asks_and_a_week_later_another(world: Any) -> None:
    asked = {number: shadow.ask("churn", 2, T + timedelta(days=number)) for number in (9, 10, 9, 15, 16, 17)}
    assert asked == {9: True, 10: False, 15: False, 16: True, 17: False}


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 81, "<b>", "{{ var.value.x }}", "-rf", "a;b"])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="not a name"):
        policy.person(name)
    assert policy.person("grace.hopper@example.org") == "grace.hopper@example.org"
    assert policy.person(None)
