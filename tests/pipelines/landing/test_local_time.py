"""One place makes UTC of local time, and its rule for the two odd hours of the year is RFC 5545's (F22)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from pipelines.landing.local_time import to_utc


def utc(text: str, zone: str) -> str:
    return str(to_utc(pa.array([datetime.fromisoformat(text)], pa.timestamp("us")), zone)[0].as_py())


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        ("2026-01-15 12:00:00", "Europe/Berlin", "2026-01-15 11:00:00"),
        ("2026-07-15 12:00:00", "Europe/Berlin", "2026-07-15 10:00:00"),
        ("2026-03-29 02:30:00", "Europe/Berlin", "2026-03-29 01:30:00"),
        ("2026-10-25 02:30:00", "Europe/Berlin", "2026-10-25 00:30:00"),
        ("2026-03-29 01:30:00", "Europe/London", "2026-03-29 01:30:00"),
        ("2026-10-25 01:30:00", "Europe/London", "2026-10-25 00:30:00"),
        ("2026-10-04 02:15:00", "Australia/Lord_Howe", "2026-10-03 15:45:00"),
        ("1965-06-01 00:00:01", "Asia/Kathmandu", "1965-05-31 18:30:01"),
    ],
)
def test_F22_an_hour_that_occurs_twice_is_its_first_and_one_that_never_occurs_keeps_the_old_offset(
    local: str, zone: str, expected: str
) -> None:
    assert utc(local, zone) == expected


def test_F22_days_of_23_and_25_hours_keep_all_their_events() -> None:
    for day in (datetime(2026, 3, 29), datetime(2026, 10, 25)):
        local = pa.array([day + timedelta(minutes=minute) for minute in range(1440)], pa.timestamp("us"))
        assert to_utc(local, "Europe/Berlin").null_count == 0
        assert len(to_utc(local, "Europe/Berlin")) == 1440


def test_nothing_stays_nothing_and_no_rows_are_fine() -> None:
    assert to_utc(pa.array([None], pa.timestamp("us")), "Europe/Berlin").to_pylist() == [None]
    assert len(to_utc(pa.array([], pa.timestamp("us")), "Europe/Berlin")) == 0
