"""One command puts a former champion in force again; nights before keep theirs, and the pair goes back together."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, tracking
from pipelines.errors import Held, IntegrityError, UsageError
from pipelines.promotion.rollback import rollback

T = date(2026, 6, 1)


def day(number: int) -> date:
    return T + timedelta(days=number)


def promoted(world: Any) -> None:
    """v2 in force from day 10, and the nights up to 12 scored."""
    world.begun()
    for number in (7, 8, 9):
        world.shadowed("churn", day(number))
    assert world.advance().champion.version == 2
    for number in (10, 11, 12):
        world.scored("churn", day(number), 2)


@pytest.mark.mlts("I7")
def test_the_one_before_is_in_force_from_the_first_night_nobody_scored(world: Any) -> None:
    promoted(world)
    done = rollback("churn", by="grace", why="calls about wrong offers")
    assert (done.champion.version, done.champion.from_as_of, done.instead_of.version) == (1, day(13), 2)
    assert [champions.in_force("churn", day(number)).version for number in (9, 10, 12, 13, 40)] == [1, 2, 2, 1, 1]
    assert (done.champion.by, done.champion.reason) == ("grace", "rolled back from v2 to v1: calls about wrong offers")
    assert world.aliases() == {"challenger": None, "champion": 1, "previous": None}
    with pytest.raises(UsageError, match="v1 has no predecessor"):
        rollback("churn", by="grace")


def test_a_version_rolled_back_from_is_nobodys_predecessor_and_can_be_named(world: Any) -> None:
    promoted(world)
    rollback("churn", by="grace")
    assert rollback("churn", to=2, start=day(20), by="grace").champion.from_as_of == day(20)
    assert [champions.in_force("churn", day(number)).version for number in (13, 19, 20)] == [1, 1, 2]
    again = rollback("churn", to=2, start=day(20), by="grace")  # said twice
    assert len(champions.history("churn")) == 4
    assert again.champion.version == 2


def test_who_was_never_champion_does_not_come_in_this_way(world: Any) -> None:
    promoted(world)
    world.version("churn", day(9), passed=False)
    with pytest.raises(UsageError, match="v3 was never champion; those that were: v1, v2"):
        rollback("churn", to=3, by="grace")


def test_a_line_whose_verdict_did_not_pass_is_refused_whoever_wrote_it(world: Any) -> None:
    refused = world.version("churn", day(3), passed=False)
    bundle = bundles.load(bundles.path_of("churn", refused))
    champions.enter("churn", refused, day(4), bundle.sha256, reason="by hand, with an editor")
    champions.enter("churn", 1, day(5), champions.history("churn")[0].sha256, reason="test")
    with pytest.raises(Held, match="bears no passed verdict"):
        rollback("churn", to=refused, by="grace")


def test_a_bundle_that_was_changed_is_not_gone_back_to(world: Any) -> None:
    promoted(world)
    path = bundles.path_of("churn", 1) / "bundle.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(IntegrityError, match="is not the recorded"):
        rollback("churn", by="grace")
    assert world.line()[-1][0] == 2


def test_it_needs_no_registry_and_the_aliases_follow_when_it_is_back(world: Any, monkeypatch: Any) -> None:
    promoted(world)
    with monkeypatch.context() as patch:
        patch.setattr(tracking, "away", lambda: "MLflow at localhost:5000 does not answer")
        patch.setattr(tracking, "_client", lambda: pytest.fail("the registry was asked"))
        done = rollback("churn", by="grace")
    assert done.aliases == "MLflow at localhost:5000 does not answer; its aliases follow at the next promote"
    assert champions.in_force("churn", day(13)).version == 1
    assert world.aliases()["champion"] == 2
    world.advance()
    assert world.aliases()["champion"] == 1


def test_the_value_goes_back_with_its_churn_version(world: Any, coherent: Any) -> None:
    first = world.value(1, 1)
    promoted(world)
    assert [version for version, _ in world.line("ltv")] == [first, 2]
    done = rollback("churn", by="grace")
    assert [(one.version, one.from_as_of) for one in done.moved] == [(first, day(13))]
    assert world.line("ltv")[-1] == (first, day(13))
    assert world.aliases("ltv")["champion"] == first


def test_a_value_that_never_stood_on_the_former_version_is_pinned_to_it_where_both_tell_one_story(
    world: Any, coherent: Any
) -> None:
    promoted(world)
    world.value(2, 10)
    coherent["value"] = 0.3
    with pytest.raises(Held, match=r"30\.0% of the subscribers rise in churn and in lifetime value"):
        rollback("churn", by="grace")
    assert world.line()[-1][0] == 2
    coherent["value"] = 0.02
    done = rollback("churn", by="grace")
    (moved,) = done.moved
    bundle = bundles.load(bundles.path_of("ltv", moved.version), expected=moved.sha256)
    assert (moved.version, bundle.facts["ltv"]["churn_version"], moved.by) == (2, 1, "grace")


def test_a_value_alone_goes_back_only_to_one_that_stands_on_the_churn_in_force(world: Any, coherent: Any) -> None:
    world.value(1, 1)
    promoted(world)
    with pytest.raises(Held, match="it is pinned to churn v1, and another is in force"):
        rollback("ltv", by="grace")
