"""F01: a late file is waited for until its deadline; then the night holds, or goes on without an optional feed."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
import time_machine

from pipelines import channels, landing, notices
from pipelines.clock import utc_now
from pipelines.errors import Held
from pipelines.landing import deadline, raw
from pipelines.landing.senders import feed as sent_feed

USAGE, CARE = "network.usage_daily", "care.interactions"
DUE = datetime(2026, 3, 11, 5, 0, tzinfo=UTC)  # 06:00 in Berlin, in winter


def test_F01_the_deadline_is_on_the_operators_clock_summer_or_winter(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE, deadline="06:00")
    assert deadline.due(USAGE, drops.DT) == DUE
    assert deadline.due(USAGE, date(2026, 3, 28)) == datetime(2026, 3, 29, 4, 0, tzinfo=UTC)
    assert deadline.due(USAGE, date(2026, 10, 24)) == datetime(2026, 10, 25, 5, 0, tzinfo=UTC)
    drops.estate(USAGE, deadline="02:30")  # an hour that does not exist on the last Sunday of March
    assert deadline.due(USAGE, date(2026, 3, 28)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_F01_only_what_is_not_there_and_not_late_is_waited_for(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE, CARE)
    before = DUE - timedelta(seconds=1)
    assert deadline.waiting(drops.AS_OF, before) == {USAGE: DUE, CARE: DUE}
    assert deadline.waiting(drops.AS_OF, before, "care") == {CARE: DUE}
    assert deadline.waiting(drops.AS_OF, DUE) == {}
    drops.drop(USAGE)
    landing.declare_absent(CARE, drops.DT, "strike")
    assert deadline.waiting(drops.AS_OF, before) == {}
    assert deadline.undelivered(drops.HISTORY_START) == []  # nothing is expected from before the history


def test_F01_half_a_delivery_is_waited_for_too(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    data = drops.drop(USAGE)
    control = data.with_name(data.name + ".ctl")
    control.unlink()
    assert deadline.undelivered(drops.AS_OF) == [USAGE]
    control.write_text("half a control file is the door's to judge")
    assert deadline.undelivered(drops.AS_OF) == []


def test_F01_a_day_of_a_backfill_is_late_and_never_waited_for(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    assert deadline.is_past(USAGE, drops.DT, DUE + timedelta(days=200))
    assert not deadline.is_past(USAGE, drops.DT, DUE - timedelta(microseconds=1))


@time_machine.travel(DUE + timedelta(minutes=1), tick=False)
@pytest.mark.mlts("O1")
def test_F01_past_its_deadline_a_mandatory_feed_holds_and_is_told_of_once(
    home: Path, drops: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    drops.estate(USAGE, CARE)
    before = drops.DT - timedelta(days=1)
    for feed_id in (USAGE, CARE):
        drops.drop(feed_id, dt=before)
    landing.land(drops.DT)
    standing = drops.raw_path(USAGE, before).read_bytes()
    drops.drop(CARE)
    with caplog.at_level(logging.ERROR, "pipelines.notices"):
        told = [deadline.tell_late(drops.AS_OF, utc_now()) for _ in range(3)]
        with pytest.raises(Held, match=r"network\.usage_daily dt=2026-03-10"):
            landing.land(drops.AS_OF)
    assert told == [[USAGE], [], []]
    (line,) = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.startswith("notice late.network.usage_daily.dt=2026-03-10: ")
    assert "2026-03-11 05:00 UTC" in line
    assert [path.name for path in notices.directory().iterdir()] == ["late.network.usage_daily.dt=2026-03-10.json"]
    assert raw.dataset(sent_feed(USAGE)).entry({"dt": "2026-03-10"}) is None
    assert drops.raw_path(USAGE, before).read_bytes() == standing  # what was published stands
    assert drops.raw_path(CARE).exists()  # and what came is in


@time_machine.travel(DUE + timedelta(minutes=1), tick=False)
def test_F01_past_its_deadline_an_optional_feed_is_declared_absent_and_nobody_is_told(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(USAGE, mandatory=False)
    assert deadline.tell_late(drops.AS_OF, utc_now()) == []
    (landed,) = landing.land(drops.AS_OF)
    assert landed.state == "absent"
    assert not notices.directory().exists()


def test_F01_before_its_deadline_nobody_is_told(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    assert deadline.tell_late(drops.AS_OF, DUE - timedelta(hours=1)) == []
    assert not notices.directory().exists()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What goes out by a channel."""
    out: list[tuple[str, str]] = []
    monkeypatch.setattr(channels, "configured", lambda: {"webhook": lambda name, text: out.append((name, text))})
    return out


@time_machine.travel(DUE + timedelta(minutes=1), tick=False)
def test_F01_a_late_file_is_one_message_though_the_night_that_it_holds_fails_too(
    home: Path, drops: ModuleType, sent: list[tuple[str, str]]
) -> None:
    drops.estate(USAGE, CARE)
    drops.drop(CARE)
    for _ in range(3):  # the task, and whoever clears it
        deadline.tell_late(drops.AS_OF, utc_now())
        with pytest.raises(Held) as held:
            landing.land(drops.AS_OF)
        assert deadline.is_told(held.value, drops.AS_OF)  # so the failed run's own notice leaves it out
    ((name, text),) = sent
    assert name == "late.network.usage_daily.dt=2026-03-10"
    assert "the scores of the night before serve until they expire" in text


@time_machine.travel(DUE + timedelta(minutes=1), tick=False)
def test_F01_what_else_is_wrong_with_the_night_is_not_taken_for_the_late_file(
    home: Path, drops: ModuleType, sent: list[tuple[str, str]]
) -> None:
    drops.estate(USAGE, CARE)
    drops.drop(CARE)
    drops.say(CARE, sha256="0" * 64)
    deadline.tell_late(drops.AS_OF, utc_now())
    with pytest.raises(Held) as both:
        landing.land(drops.AS_OF)
    assert not deadline.is_told(both.value, drops.AS_OF)  # the late one was told of, the rejected one was not
    drops.drop(USAGE)
    drops.say(USAGE, sha256="0" * 64)  # it came in the end, and is no good
    with pytest.raises(Held) as damaged:
        landing.land(drops.AS_OF, source="network")
    assert not deadline.is_told(damaged.value, drops.AS_OF)
    assert len(sent) == 1
