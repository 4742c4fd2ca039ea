"""F16: a row dated ahead waits in quarantine, and makes no stale drop look fresh. F17: days that are none."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing
from pipelines.errors import RejectedFile

USAGE, INVOICES, CARE, NOKIA = "network.usage_daily", "billing_alpha.invoices", "care.interactions", "pm.nokia"
EVENT = {USAGE: "usage_on", INVOICES: "issued_on", CARE: "opened_at"}
AHEAD = timedelta(days=40)


@pytest.mark.parametrize("feed_id", EVENT)
def test_F16_a_row_forty_days_ahead_waits_whatever_the_form_of_its_file(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    rows = drops.rows(feed_id, 200)
    rows[9][EVENT[feed_id]] += AHEAD
    drops.drop(feed_id, rows)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (199, 1)
    (kept,) = drops.quarantined(feed_id)
    assert "after the day of the drop" in kept["reasons"][0]


def test_F16_a_stale_drop_is_refused_although_one_row_of_it_is_ahead(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    rows = [{**row, "usage_on": drops.DT - timedelta(days=9)} for row in drops.rows(USAGE, 200)]
    drops.drop(USAGE, rows)
    with pytest.raises(RejectedFile) as without:
        landing.land(drops.AS_OF)
    rows[9]["usage_on"] = drops.DT + AHEAD
    drops.drop(USAGE, rows)
    with pytest.raises(RejectedFile) as ahead:
        landing.land(drops.AS_OF)
    assert "9" in str(without.value)
    assert ahead.value.reasons == without.value.reasons  # the row ahead did not help
    assert not drops.raw_path(USAGE).exists()


def test_F16_many_rows_ahead_are_a_wrong_clock_and_reject_the_file(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, [{**row, "usage_on": drops.DT + AHEAD} for row in drops.rows(USAGE, 200)])
    with pytest.raises(RejectedFile, match="after the day of the drop"):
        landing.land(drops.AS_OF)


@pytest.mark.parametrize(
    "text",
    ["01/02/2026", "02.01.2026", "2026/02/01", "20260201", "2026-2-1", "2026-02-30", "2026-02-29", "2026-13-01",
     "0000-00-00", "2026-00-10", "26-02-01", "2026-W05-7", "2026-032", "2026-02-01T00:00:00", "2026-02-01Z", "today",
     "46054", "٢٠٢٦-٠٢-٠١"],
)
def test_F17_only_a_day_of_the_calendar_in_iso_form_is_a_day(home: Path, drops: ModuleType, text: str) -> None:
    drops.estate(INVOICES)
    rows = drops.rows(INVOICES, 100)
    rows[50]["issued_on"] = text
    drops.drop(INVOICES, rows)
    assert landing.land(drops.AS_OF)[0].quarantined == 1
    (kept,) = drops.quarantined(INVOICES)
    assert kept["reasons"] == ["issued_on is not a day YYYY-MM-DD"]
    drops.drop(INVOICES, [{**row, "issued_on": text} for row in rows])
    with pytest.raises(RejectedFile, match="issued_on is not a day YYYY-MM-DD"):
        landing.land(drops.AS_OF)


@pytest.mark.parametrize(
    "text", ["2026-03-10 11:30:00", "2026-03-10T11:30:00", "2026-03-10T11:30:00+01:00", "2026-03-10T24:00:01Z",
             "2026-02-30T11:30:00Z", "10/03/2026 11:30", "1773142200"],
)
def test_F17_only_an_instant_in_utc_is_an_instant(home: Path, drops: ModuleType, text: str) -> None:
    drops.estate(CARE)
    rows = drops.rows(CARE, 100)
    lines = drops.encode(CARE, rows).decode()
    drops.put(CARE, lines.replace(f"{rows[0]['opened_at']:%Y-%m-%dT%H:%M:%SZ}", text, 1).encode(), 100)
    assert landing.land(drops.AS_OF)[0].quarantined == 1
    assert "opened_at is not an instant" in drops.quarantined(CARE)[0]["reasons"][0]


def test_F17_a_leap_day_is_a_day(home: Path, drops: ModuleType) -> None:
    drops.estate(INVOICES)
    rows = drops.rows(INVOICES, 100)
    rows[50]["period_start_on"] = datetime(2024, 2, 29).date()
    drops.drop(INVOICES, rows)
    assert landing.land(drops.AS_OF)[0].quarantined == 0
