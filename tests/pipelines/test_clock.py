"""Days come in as ISO text or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import days, midnight, parse_day
from pipelines.errors import UsageError


@given(st.dates())
def test_every_iso_day_comes_back_as_itself(day: date) -> None:
    assert parse_day(day.isoformat()) == day


@pytest.mark.parametrize("text", ["", "2026-3-1", "01/02/2026", "2026-02-30", "2026-03-01T00:00", "20260301",
                                  "2026-03-01' or 1=1 --", "\uff12\uff10\uff12\uff16-03-01x", "2026-03-01\n"])
def test_anything_else_is_a_usage_error_that_shows_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="not a day"):
        parse_day(text)


def test_ranges_are_half_open() -> None:
    assert list(days(date(2026, 2, 27), date(2026, 3, 1))) == [date(2026, 2, 27), date(2026, 2, 28)]
    assert list(days(date(2026, 3, 1), date(2026, 3, 1))) == []


def test_midnight_is_utc() -> None:
    assert midnight(date(2026, 3, 1)) == datetime(2026, 3, 1, tzinfo=UTC)
