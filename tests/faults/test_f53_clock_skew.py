"""F53: a clock is ahead: a drop produced after it arrived is taken, with a warning from five minutes on."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
import time_machine

from pipelines import landing
from pipelines.landing import raw
from pipelines.landing.senders import feed as sent_feed

USAGE = "network.usage_daily"
PRODUCED = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)


def land(drops: ModuleType, arrived: datetime) -> tuple[str, ...]:
    with time_machine.travel(arrived, tick=False):
        (landed,) = landing.land(drops.AS_OF)
    assert landed.state == "published"
    return tuple(landed.warnings)


@pytest.mark.parametrize("seconds", [-86400, -1, 0, 299, 300])
def test_F53_clocks_that_agree_within_five_minutes_are_nothing_to_speak_of(
    home: Path, drops: ModuleType, seconds: int
) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, produced_at=PRODUCED.isoformat())
    assert land(drops, PRODUCED - timedelta(seconds=seconds)) == ()


def test_F53_a_clock_more_than_five_minutes_ahead_is_warned_of_and_the_rows_land_as_they_would(
    home: Path, drops: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, produced_at=PRODUCED.isoformat())
    with caplog.at_level(logging.WARNING):
        (warning,) = land(drops, PRODUCED - timedelta(seconds=301))
    assert warning.startswith("clock skew: produced at 2026-03-11 01:00:00 UTC, 5 minutes after it arrived")
    assert warning in caplog.text
    entry = raw.dataset(sent_feed(USAGE)).entries()[(str(drops.DT),)]
    (accepted,) = raw.drops(entry)
    # What decides when the rows are known is the day they are of, and no clock.
    assert accepted["known_on"] == str(drops.AS_OF)


def test_F53_a_correction_from_a_clock_that_is_days_ahead_is_known_later_and_never_earlier(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, produced_at=PRODUCED.isoformat())
    land(drops, PRODUCED)
    drops.drop(USAGE, drops.rows(USAGE)[:2], produced_at=(PRODUCED + timedelta(days=3)).isoformat())
    with time_machine.travel(PRODUCED + timedelta(hours=1), tick=False):
        (landed,) = landing.land(drops.AS_OF)
    assert landed.state == "corrected"
    assert [warning for warning in landed.warnings if warning.startswith("clock skew")]
    known = [one["known_on"] for one in raw.drops(raw.dataset(sent_feed(USAGE)).entries()[(str(drops.DT),)])]
    assert known == ["2026-03-11", "2026-03-15"]
