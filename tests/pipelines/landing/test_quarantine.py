"""What is kept out is kept whole, sealed, and says why; nobody loses sight of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing
from pipelines.errors import Held
from pipelines.landing import quarantine

USAGE, PRODUCTS = "network.usage_daily", "billing_alpha.products"
ROWS = 300


def land_with_bad(drops: ModuleType, feed_id: str, spoilt: dict[str, object], count: int = 2) -> None:
    drops.estate(feed_id)
    rows = drops.rows(feed_id, ROWS)
    drops.drop(feed_id, [{**row, **spoilt} if at < count else row for at, row in enumerate(rows)])
    landing.land(drops.AS_OF)


def test_a_set_of_rows_says_how_many_wait_and_why_commonest_reason_first(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    rows = drops.rows(USAGE, ROWS)
    rows[0] |= {"data_kb": -1, "voice_seconds": 90_000}
    rows[1] |= {"data_kb": -1}
    drops.drop(USAGE, rows)
    landing.land(drops.AS_OF)
    (one,) = quarantine.kept()
    assert (one.feed, one.dt, one.kind, one.state, one.count) == (USAGE, drops.DT, "rows", "waiting", 2)
    assert list(one.reasons.values()) == [2, 1]
    assert "negative" in next(iter(one.reasons))


def test_the_header_of_a_csv_is_kept_with_its_rows_for_they_cannot_be_read_without_it(
    home: Path, drops: ModuleType
) -> None:
    land_with_bad(drops, PRODUCTS, {"product_code": "tap-dancing"})
    (one,) = quarantine.kept(PRODUCTS)
    about = json.loads(one.path.with_suffix(".about.json").read_bytes())
    assert about["header"] == "subscription_id;product_code;started_on;ended_on;changed_at"
    assert about["sha256"].startswith(one.digest)
    assert [row["line"] for row in quarantine.waiting_rows(one)] == [2, 3]


def test_a_refused_file_waits_until_the_drop_is_sent_again(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, drops.rows(USAGE, ROWS), rows=1)
    with pytest.raises(Held):
        landing.land(drops.AS_OF)
    assert [(one.kind, one.state) for one in quarantine.kept()] == [("file", "waiting")]
    drops.drop(USAGE, drops.rows(USAGE, ROWS + 1))
    landing.land(drops.AS_OF)
    assert [(one.kind, one.state) for one in quarantine.kept()] == [("file", "superseded")]


def test_a_refused_correction_waits_although_the_drop_has_a_version(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, drops.rows(USAGE, ROWS))
    landing.land(drops.AS_OF)
    drops.drop(USAGE, drops.rows(USAGE, ROWS + 1), rows=1)
    with pytest.raises(Held):
        landing.land(drops.AS_OF)
    assert [(one.kind, one.state) for one in quarantine.kept()] == [("file", "waiting")]


def test_what_is_given_up_waits_no_more_and_its_reason_is_kept(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE, {"data_kb": -1})
    (gone,) = quarantine.discard(USAGE, drops.DT, "test traffic")
    assert gone.count == 2
    (one,) = quarantine.kept()
    assert one.state == "discarded"
    assert json.loads((one.path.parent / f"{one.path.name}.discarded.json").read_bytes()) == {"because": "test traffic"}
    assert quarantine.discard(USAGE, drops.DT, "again") == []


def test_one_feed_or_one_day_is_listed_alone(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE, {"data_kb": -1})
    assert len(quarantine.kept(USAGE, drops.DT)) == 1
    assert quarantine.kept(USAGE, date(2026, 1, 1)) == []


def test_everything_in_quarantine_is_closed_to_others(home: Path, drops: ModuleType) -> None:
    land_with_bad(drops, USAGE, {"data_kb": -1})
    quarantine.discard(USAGE, drops.DT, "test traffic")
    paths = [home / "quarantine", *(home / "quarantine").rglob("*")]
    assert len(paths) > 5
    assert not [path for path in paths if path.stat().st_mode & 0o077]
