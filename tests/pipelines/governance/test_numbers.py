"""Whose a number was on which day: the last who took it over, until another does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pipelines.governance.erasure.numbers import Event, Held, Line, holders

FIRST = date(2026, 1, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def line(who: str, number: str, told: int, started: int = 0, ended: int | None = None) -> Line:
    return Line(who, f"account of {who}", number, day(told), day(started), None if ended is None else day(ended))


def spans(found: list[Held]) -> list[tuple[str, str, date | None, date | None]]:
    return [(held.msisdn, held.subscription, held.start, held.end) for held in found]


def test_a_number_of_one_is_theirs_for_ever() -> None:
    assert spans(holders([line("a", "1", 0), line("a", "1", 50, ended=50)], [])) == [("1", "a", None, None)]


def test_the_next_holder_takes_over_the_day_their_line_begins() -> None:
    told = [line("a", "1", 0), line("a", "1", 50, ended=50), line("b", "1", 90, started=90)]
    assert spans(holders(told, [])) == [("1", "a", None, day(90)), ("1", "b", day(90), None)]


def test_a_first_row_does_not_reach_back_into_the_time_of_another() -> None:
    told = [line("a", "1", 0), line("a", "1", 50, ended=50), line("b", "1", 90, started=10)]
    assert spans(holders(told, [])) == [("1", "a", None, day(51)), ("1", "b", day(51), None)]


def test_who_changes_number_has_the_old_one_until_another_takes_it() -> None:
    told = [line("a", "1", 0), line("a", "2", 30), line("b", "1", 60, started=60)]
    assert spans(holders(told, [])) == [
        ("1", "a", None, day(60)), ("1", "b", day(60), None), ("2", "a", None, None)]


def test_from_a_reassignment_on_it_is_somebody_elses_known_or_not() -> None:
    given = [Event("1", "reassignment", day(70))]
    assert spans(holders([line("a", "1", 0)], given)) == [("1", "a", None, day(70))]
    assert spans(holders([line("a", "1", 60, started=60)], given)) == [("1", "a", None, None)]  # given to a


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_rows_does_not_matter(order: int) -> None:
    told = [line("a", "1", 0), line("a", "1", 50, ended=50), line("b", "1", 90, started=90), line("a", "1", 200)]
    assert spans(holders(told[::order], [])) == [
        ("1", "a", None, day(90)), ("1", "b", day(90), day(200)), ("1", "a", day(200), None)]
