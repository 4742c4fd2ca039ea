"""F16: a row forty days ahead waits in quarantine, in every form, and makes no stale drop look fresh."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing import batch
from pipelines.landing.contract import BY_ID

USAGE = "network.usage_daily"
FEEDS = (USAGE, "billing_alpha.invoices", "billing_alpha.payments", "care.interactions", "billing_bravo.subscribers")
AHEAD = timedelta(days=40)
ROWS = 200


def moved(row: dict[str, Any], feed_id: str, by: timedelta) -> dict[str, Any]:
    """The row with its event so much later."""
    name = BY_ID[feed_id].event_time
    return {**row, name: row[name] + by}


@pytest.mark.parametrize("feed_id", FEEDS)
def test_F16_the_row_waits_with_its_reason_and_the_others_are_published(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    rows = drops.rows(feed_id, ROWS)
    rows[9] = moved(rows[9], feed_id, AHEAD)
    drops.drop(feed_id, rows)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (ROWS - 1, 1)
    (kept,) = drops.quarantined(feed_id)
    assert any("after the day of the drop" in reason for reason in kept["reasons"])
    assert kept["line"] == (11 if feed_id.startswith("billing_alpha") else 10)
    newest = max(drops.raw(feed_id)[BY_ID[feed_id].event_time].to_pylist())
    assert (newest.date() if isinstance(newest, datetime) else newest) == drops.DT


@pytest.mark.parametrize("feed_id", FEEDS)
def test_F16_one_day_ahead_is_ahead_and_the_day_itself_is_not(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    rows = drops.rows(feed_id, ROWS)
    rows[0] = moved(rows[0], feed_id, timedelta(days=1))
    drops.drop(feed_id, rows)
    assert landing.land(drops.AS_OF)[0].quarantined == 1


@pytest.mark.parametrize("is_large", [False, True], ids=["in one part", "part by part"])
@pytest.mark.parametrize("feed_id", [USAGE, "billing_alpha.invoices", "care.interactions"])
def test_F16_a_stopped_source_is_not_made_fresh_by_rows_of_the_future(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch, feed_id: str, is_large: bool
) -> None:
    if is_large:
        monkeypatch.setattr(batch, "PART_ROWS", 10)
    drops.estate(feed_id)
    stale = [moved(row, feed_id, timedelta(days=-20)) for row in drops.rows(feed_id, ROWS)]
    stale[3] = moved(stale[3], feed_id, timedelta(days=20) + AHEAD)
    drops.drop(feed_id, stale)
    with pytest.raises(RejectedFile, match="a stopped source or an old file under a new day"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()


def test_F16_a_file_of_tomorrow_is_rejected_whole(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, [moved(row, USAGE, AHEAD) for row in drops.rows(USAGE, ROWS)])
    with pytest.raises(RejectedFile, match=r"200 of 200 rows are bad.*after the day of the drop"):
        landing.land(drops.AS_OF)
