"""F04: new content under a file's name is a version with its own knowledge date; what was published never moves."""

from __future__ import annotations

import hashlib
import logging
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing
from pipelines.landing import raw
from pipelines.landing.contract import BY_ID
from pipelines.publish import Dataset
from pipelines.settings import settings

USAGE = "network.usage_daily"
FEEDS = (USAGE, "billing_alpha.invoices", "care.interactions")
CORRECTED = {USAGE: "data_kb", "billing_alpha.invoices": "amount_cents", "care.interactions": "wait_seconds"}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def publish_nights(*as_ofs: date) -> dict[str, bytes]:
    """Rosters of these nights as a build leaves them; every byte below features/."""
    for as_of in as_ofs:
        def write(path: Path, as_of: date = as_of) -> int:
            return path.write_bytes(f"roster of {as_of}".encode())

        Dataset(settings().features / "roster", ("as_of",)).publish({"as_of": as_of.isoformat()}, write)
    return published()


def published() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in settings().features.rglob("*") if path.is_file()}


@pytest.mark.parametrize("feed_id", FEEDS)
def test_F04_both_hashes_stay_and_only_nights_not_yet_published_know_the_second(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    first = digest(drops.drop(feed_id))
    landing.land(drops.AS_OF)
    nights = publish_nights(drops.AS_OF, drops.AS_OF + timedelta(days=1))
    second = digest(drops.drop(feed_id, [{**row, CORRECTED[feed_id]: 7} for row in drops.rows(feed_id)]))
    assert landing.land(drops.AS_OF)[0].state == "corrected"

    entry = raw.dataset(BY_ID[feed_id]).entry({"dt": "2026-03-10"})
    assert entry is not None
    assert [(drop["version"], drop["sha256"], drop["rows"], drop["known_on"]) for drop in raw.drops(entry)] == [
        (1, first, 3, "2026-03-11"), (2, second, 3, "2026-03-13")]
    assert published() == nights
    rows = drops.raw(feed_id).to_pylist()
    known_by_the_last_published = [row for row in rows if row["known_on"] <= date(2026, 3, 12)]
    assert {row["drop_version"] for row in known_by_the_last_published} == {1}
    assert [row[CORRECTED[feed_id]] for row in rows if row["known_on"] == date(2026, 3, 13)] == [7, 7, 7]


def test_F04_the_journal_keeps_the_lineage_of_each_publication(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    hashes = []
    for kb in (1, 2, 3):
        hashes.append(digest(drops.drop(USAGE, [{**row, "data_kb": kb} for row in drops.rows(USAGE)])))
        landing.land(drops.AS_OF)
    history = raw.dataset(BY_ID[USAGE]).history({"dt": "2026-03-10"})
    assert [[drop["sha256"] for drop in raw.drops(entry)] for entry in history] == [
        hashes[:1], hashes[:2], hashes]
    assert len({entry.sha256 for entry in history}) == 3


def test_F04_the_first_content_again_after_a_correction_is_a_third_version_and_no_duplicate(
    home: Path, drops: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    drops.drop(USAGE, [{**row, "data_kb": 7} for row in drops.rows(USAGE)])
    landing.land(drops.AS_OF)
    drops.drop(USAGE)
    with caplog.at_level(logging.INFO, logger="pipelines.landing.door"):
        (landed,) = landing.land(drops.AS_OF)
    assert (landed.state, landed.rows) == ("corrected", 9)
    assert "duplicate" not in caplog.text
    newest = [row["data_kb"] for row in drops.raw(USAGE).to_pylist() if row["drop_version"] == 3]
    assert newest == [row["data_kb"] for row in drops.rows(USAGE)]


def test_F04_a_correction_touches_no_other_day(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    before = drops.DT - timedelta(days=1)
    drops.drop(USAGE, dt=before)
    drops.drop(USAGE)
    landing.land_range(before, drops.DT)
    other = drops.raw_path(USAGE, before).read_bytes()
    drops.drop(USAGE, drops.rows(USAGE, 2))
    landing.land_range(before, drops.DT)
    assert drops.raw_path(USAGE, before).read_bytes() == other
