"""The champion log: which version scores which night, and nothing an accident can rewrite."""

from __future__ import annotations

from datetime import date, timedelta
from multiprocessing import get_context

import pytest

from pipelines import champions
from pipelines.errors import IntegrityError

D = date(2026, 3, 1)


def day(number: int) -> date:
    return D + timedelta(days=number)


def enter(version: int, start: date) -> champions.Champion:
    return champions.enter("churn", version, start, f"{version:064d}", reason="test")


def version_at(night: date) -> int | None:
    found = champions.in_force("churn", night)
    return found.version if found else None


def test_nobody_is_in_force_before_the_first_champion(home):
    assert version_at(D) is None
    enter(1, day(5))
    assert version_at(day(4)) is None
    assert version_at(day(5)) == 1
    assert version_at(day(500)) == 1


def test_each_night_has_the_champion_of_its_own_date(home):
    enter(1, day(0))
    enter(2, day(10))
    assert [version_at(day(n)) for n in (0, 9, 10, 11)] == [1, 1, 2, 2]


def test_a_rollback_supersedes_everything_dated_from_its_day_on_and_nothing_before(home):
    enter(1, day(0))
    enter(2, day(10))
    enter(3, day(20))
    enter(1, day(15))  # rolled back, from day 15
    assert [version_at(day(n)) for n in (9, 10, 14, 15, 19, 20, 30)] == [1, 2, 2, 1, 1, 1, 1]
    enter(4, day(25))
    assert [version_at(day(n)) for n in (14, 20, 24, 25)] == [2, 1, 1, 4]


def test_models_have_logs_of_their_own(home):
    enter(1, day(0))
    assert champions.in_force("ltv", day(1)) is None


def test_a_retry_of_the_last_line_makes_no_double(home):
    enter(1, day(0))
    enter(2, day(10))
    assert enter(2, day(10)).version == 2
    assert len(champions.history("churn")) == 2


def test_what_stands_is_never_rewritten(home):
    enter(1, day(0))
    before = champions.log_of("churn").read_bytes()
    enter(2, day(10))
    assert champions.log_of("churn").read_bytes().startswith(before)


def test_a_line_cut_by_a_kill_was_never_in_force_and_does_not_spoil_the_next(home):
    enter(1, day(0))
    with champions.log_of("churn").open("ab") as handle:
        handle.write(b'{"model": "churn", "version": 2, "from_as')
    assert version_at(day(30)) == 1
    enter(3, day(10))
    assert [line.version for line in champions.history("churn")] == [1, 3]


def test_an_unreadable_line_in_the_middle_is_an_error_not_a_guess(home):
    enter(1, day(0))
    enter(2, day(10))
    path = champions.log_of("churn")
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": x'))
    with pytest.raises(IntegrityError, match=r"churn\.jsonl:1"):
        version_at(day(30))


def _enter_many(first: int) -> None:
    for number in range(first, first + 20):
        enter(number, day(number))


def test_writers_at_the_same_time_lose_no_line(home):
    # fork: the children must see this test's home, and load nothing heavy
    context = get_context("fork")
    writers = [context.Process(target=_enter_many, args=(start,)) for start in (100, 200, 300)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(line.version for line in champions.history("churn")) == [
        *range(100, 120), *range(200, 220), *range(300, 320),
    ]
