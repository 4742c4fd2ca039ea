"""F04: other content under the same name is a new version with a knowledge date of its own; the first one stands."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pyarrow.compute as pc
import pytest

from pipelines import landing
from pipelines.landing import raw
from pipelines.landing.senders import feed as sent_feed
from pipelines.publish import Dataset
from pipelines.settings import settings

USAGE, ACCOUNTS, CARE = "network.usage_daily", "billing_alpha.accounts", "care.interactions"
CHANGED = {USAGE: {"data_kb": 7}, ACCOUNTS: {"region": "south"}, CARE: {"is_resolved": False}}


def publish_features(as_of: date) -> dict[Path, bytes]:
    """Stand-ins for a night's published partitions: what they are does not matter, that they stay does."""
    def write(path: Path) -> int:
        path.write_bytes(f"published for {as_of}".encode())
        return 1

    for name in ("roster", "ftr_subscriber_network"):
        Dataset(settings().features / name, ("as_of",)).publish({"as_of": as_of.isoformat()}, write)
    return {path: path.read_bytes() for path in settings().features.rglob("*") if path.is_file()}


@pytest.mark.parametrize("feed_id", CHANGED)
def test_F04_both_files_stay_on_record_with_their_digests_rows_and_knowledge_dates(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    first = hashlib.sha256(drops.drop(feed_id).read_bytes()).hexdigest()
    landing.land(drops.AS_OF)
    before = drops.raw(feed_id)
    rows = [{**row, **CHANGED[feed_id]} for row in drops.rows(feed_id)]
    second = hashlib.sha256(drops.drop(feed_id, rows, produced_at="2026-03-14T05:00:00Z").read_bytes()).hexdigest()
    (landed,) = landing.land(drops.AS_OF)
    assert landed.state == "corrected"
    dataset = raw.dataset(sent_feed(feed_id))
    entry = dataset.entry({"dt": str(drops.DT)})
    assert entry is not None
    assert [(made["version"], made["sha256"], made["rows"], made["known_on"]) for made in raw.drops(entry)] == [
        (1, first, 3, "2026-03-11"), (2, second, 3, "2026-03-15"),
    ]
    assert [made.version for made in dataset.history({"dt": str(drops.DT)})] == [1, 2]
    assert drops.raw(feed_id).slice(0, 3).equals(before)
    assert drops.raw(feed_id)["drop_version"].to_pylist() == [1] * 3 + [2] * 3


def test_F04_what_was_known_when_stays_answerable(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    drops.drop(USAGE, [{**row, "data_kb": 7} for row in drops.rows(USAGE)], produced_at="2026-03-14T05:00:00Z")
    landing.land(drops.AS_OF)
    for as_of, expected in ((date(2026, 3, 10), []), (date(2026, 3, 14), [1000, 1001, 1002]),
                            (date(2026, 3, 15), [1000, 1001, 1002, 7, 7, 7])):
        known = drops.raw(USAGE).filter(pc.less_equal(pc.field("known_on"), as_of))
        assert known["data_kb"].to_pylist() == expected


def test_F04_nights_already_published_are_not_reached_and_keep_their_bytes(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    other = drops.DT - timedelta(days=1)
    drops.drop(USAGE, dt=other)
    landing.land_range(other, drops.DT)
    published = publish_features(date(2026, 3, 20))
    stands = drops.raw_path(USAGE, other).read_bytes()
    drops.drop(USAGE, [{**row, "data_kb": 7} for row in drops.rows(USAGE)], produced_at="2026-03-12T05:00:00Z")
    landing.land_range(other, drops.DT)
    corrected = drops.raw(USAGE).filter(pc.equal(pc.field("drop_version"), 2))
    assert set(corrected["known_on"].to_pylist()) == {date(2026, 3, 21)}  # the first night that is not published
    assert {path: path.read_bytes() for path in settings().features.rglob("*") if path.is_file()} == published
    assert drops.raw_path(USAGE, other).read_bytes() == stands


def test_F04_a_third_version_keeps_the_two_before_it_and_the_first_file_again_is_a_version_too(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(USAGE)
    for data_kb in (1, 2, 1):
        drops.drop(USAGE, [{**row, "data_kb": data_kb} for row in drops.rows(USAGE)])
        landing.land(drops.AS_OF)
    table = drops.raw(USAGE)
    assert list(zip(table["drop_version"].to_pylist(), table["data_kb"].to_pylist(), strict=True))[::3] == [
        (1, 1), (2, 2), (3, 1)]
    known = table["known_on"].to_pylist()[::3]
    assert known == sorted(known)
