"""The state of a night: seen from a day that is given, and never better than what was found."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from pipelines.site.nights import Scores, Seen, State, judge, judged

NIGHT = date(2026, 3, 5)


def scores(model: str = "churn", night: date = NIGHT, **more: object) -> Scores:
    return Scores(model, 1, 100, datetime(night.year, night.month, night.day + 3), **more)  # type: ignore[arg-type]


def test_a_night_that_every_champion_scored_is_ok() -> None:
    found = judge(Seen(NIGHT, landed=20, scores={"churn": scores()}, expected=("churn",)), None)
    assert (found.state, found.why) == (State.OK, ())


def test_one_that_a_stand_in_scored_is_flagged_in_its_words() -> None:
    seen = Seen(NIGHT, scores={"churn": scores(flags=("v1 stands in for v2",))}, expected=("churn",))
    found = judge(seen, None)
    assert (found.state, found.why) == (State.FLAGGED, ("churn: v1 stands in for v2",))


@pytest.mark.parametrize(("seen", "why"), [
    pytest.param(Seen(NIGHT, landed=7, expected=("churn",)), "7 drops landed, not unified", id="landed"),
    pytest.param(Seen(NIGHT, landed=7, is_unified=True, expected=("churn",)), "unified, not scored", id="unified"),
    pytest.param(Seen(NIGHT, is_checked=True, troubles=("a.b rejected: cut",)), "a.b rejected: cut", id="rejected"),
    pytest.param(Seen(NIGHT, scores={"churn": scores()}, expected=("churn", "ltv")), "ltv has no scores", id="half"),
])
def test_one_that_began_and_was_not_finished_is_held_and_says_where(seen: Seen, why: str) -> None:
    found = judge(seen, None)
    assert (found.state, found.why) == (State.HELD, (why,))


def test_nothing_is_unknown_until_the_last_scores_expire_and_stale_from_then_on() -> None:
    nights = [Seen(date(2026, 3, 5), scores={"churn": scores()}, expected=("churn",)),
              *(Seen(date(2026, 3, day), expected=("churn",)) for day in (6, 7, 8, 9))]
    assert [night.state for night in judged(reversed(nights))] == [
        State.OK, State.UNKNOWN, State.UNKNOWN, State.STALE, State.STALE]


def test_without_any_score_nothing_is_known() -> None:
    assert judge(Seen(NIGHT), None).state is State.UNKNOWN
