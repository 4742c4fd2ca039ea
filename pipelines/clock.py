"""The only module that reads the clock, and the only one that parses a day; everything else is given its dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from pipelines.errors import UsageError

DAY = timedelta(days=1)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def utc_now() -> datetime:
    """The present, in UTC. For log lines and durations; never for a window, a key or a feature."""
    return datetime.now(UTC)


def parse_day(text: str) -> date:
    """An ISO day `YYYY-MM-DD`. Anything else is a UsageError: dbt variables and paths are made of it."""
    if not _ISO_DAY.fullmatch(text):
        raise UsageError(f"not a day: {text!r}. Write it as YYYY-MM-DD, for example 2026-03-01")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"not a day of the calendar: {text!r} ({error})") from None


def days(start: date, stop: date) -> Iterator[date]:
    """Every day of the half-open range [start, stop)."""
    for offset in range((stop - start).days):
        yield start + offset * DAY


def midnight(day: date) -> datetime:
    """The first instant of a day, UTC, timezone-aware."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
