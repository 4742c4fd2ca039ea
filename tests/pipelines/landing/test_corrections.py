"""Knowledge dates: a correction is known from the day a night could first have used it, and never before."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing
from pipelines.errors import Held
from pipelines.publish import Dataset
from pipelines.settings import settings

USAGE = "network.usage_daily"


@pytest.fixture(autouse=True)
def _one_feed(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE, assumed_lag_days=1)


def publish_roster(as_of: date) -> None:
    def write(path: Path) -> int:
        path.write_bytes(b"roster")
        return 1

    Dataset(settings().features / "roster", ("as_of",)).publish({"as_of": as_of.isoformat()}, write)


def versions(table: object) -> set[tuple[int, date]]:
    return {(row["drop_version"], row["known_on"]) for row in table.to_pylist()}  # type: ignore[attr-defined]


def test_a_correction_keeps_both_versions_and_is_known_the_day_after_it_was_produced(drops: ModuleType) -> None:
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    drops.drop(USAGE, drops.rows(USAGE, 2), produced_at="2026-03-15T23:00:00Z")
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.state, landed.rows, drops.raw(USAGE).num_rows) == ("corrected", 2, 5)
    assert versions(drops.raw(USAGE)) == {(1, date(2026, 3, 11)), (2, date(2026, 3, 16))}


def test_a_correction_is_never_known_to_a_night_that_is_published(drops: ModuleType) -> None:
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    publish_roster(date(2026, 4, 1))
    drops.drop(USAGE, drops.rows(USAGE, 2))
    landing.land(drops.AS_OF)
    assert versions(drops.raw(USAGE)) == {(1, date(2026, 3, 11)), (2, date(2026, 4, 2))}


def test_the_manifest_keeps_the_digest_of_every_version(drops: ModuleType) -> None:
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    drops.drop(USAGE, drops.rows(USAGE, 2))
    landing.land(drops.AS_OF)
    entry = Dataset(settings().raw / "network/usage_daily", ("dt",)).entry({"dt": "2026-03-10"})
    assert entry is not None
    assert [drop["version"] for drop in entry.inputs["drops"]] == [1, 2]
    assert len({drop["sha256"] for drop in entry.inputs["drops"]}) == 2


def test_the_first_file_of_a_day_is_known_from_the_day_after_however_late_it_comes(drops: ModuleType) -> None:
    publish_roster(date(2026, 4, 1))
    drops.drop(USAGE, produced_at="2026-05-01T00:00:00Z")
    landing.land(drops.AS_OF)
    assert versions(drops.raw(USAGE)) == {(1, drops.AS_OF)}


def test_what_comes_for_an_absent_day_is_on_time_unless_a_night_went_without_it(drops: ModuleType) -> None:
    landing.declare_absent(USAGE, drops.DT, "strike")
    drops.drop(USAGE)
    assert landing.land(drops.AS_OF)[0].state == "published"
    assert versions(drops.raw(USAGE)) == {(1, drops.AS_OF)}


def test_what_comes_for_an_absent_day_after_its_night_is_a_correction(drops: ModuleType) -> None:
    landing.declare_absent(USAGE, drops.DT, "strike")
    publish_roster(drops.AS_OF)
    drops.drop(USAGE)
    assert landing.land(drops.AS_OF)[0].state == "corrected"
    assert versions(drops.raw(USAGE)) == {(2, date(2026, 3, 12))}


def test_a_day_zero_dump_is_refused_until_it_is_declared(drops: ModuleType) -> None:
    drops.drop(USAGE, day_zero=True)
    with pytest.raises(Held, match="telco bootstrap --initial"):
        landing.land(drops.AS_OF)
    assert landing.land(drops.AS_OF, initial=True)[-1].state == "published"


def test_rows_of_a_day_zero_dump_are_taken_to_be_known_a_lag_after_their_event(drops: ModuleType) -> None:
    long_ago = drops.DT - timedelta(days=50)
    drops.drop(USAGE, [*drops.rows(USAGE, 2), *drops.rows(USAGE, 2, long_ago)], day_zero=True)
    landed = landing.land_range(drops.HISTORY_START, drops.DT, initial=True)
    rows = drops.raw(USAGE).to_pylist()
    assert {(row["usage_on"], row["known_on"], row["is_known_assumed"]) for row in rows} == {
        (drops.DT, drops.AS_OF, True), (long_ago, long_ago + timedelta(days=2), True),
    }
    assert [done.state for done in landed] == ["absent"] * 120 + ["published"]
    assert landing.missing(drops.AS_OF, window_days=500) == {}


def test_a_file_for_a_day_inside_the_dump_is_held_for_its_rows_would_count_twice(drops: ModuleType) -> None:
    drops.drop(USAGE, day_zero=True)
    landing.land(drops.AS_OF, initial=True)
    before = drops.DT - timedelta(days=1)
    drops.drop(USAGE, dt=before)
    with pytest.raises(Held, match="covered by the day-zero dump of 2026-03-10"):
        landing.land(drops.DT)


def test_a_kill_between_rename_and_record_does_not_double_a_correction(drops: ModuleType) -> None:
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    drops.drop(USAGE, drops.rows(USAGE, 2))
    landing.land(drops.AS_OF)
    manifest = settings().raw / "network/usage_daily/manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]))
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.state, landed.rows, drops.raw(USAGE).num_rows) == ("duplicate", 2, 5)
    assert drops.raw(USAGE).num_rows == 5
