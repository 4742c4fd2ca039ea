"""A night replayed after later days corrected its past: its own bytes, and with today's knowledge what they say."""

from __future__ import annotations

import json
import math
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from ten_days import SAID_TOO_LITTLE, TenDays, copy_home, done, fingerprint

from pipelines.landing import raw
from pipelines.landing.contract import BY_ID
from pipelines.models import SPECS

pytestmark = pytest.mark.live
NIGHT = 4  # reads days up to 4; both corrections are of days before it and were produced after it
# Quality is weighed by use, so another volume moves it too.
BY_VOLUME = ("data_", "retainability_", "dl_", "availability_", "bad_cell_")
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Replayed:
    """The features of one night as published and as known today, and whose they are by number."""

    world: TenDays
    today: Path
    subscribers: dict[str, str]

    def rows(self, home: Path, table: str) -> Rows:
        path = home / f"features/{table}/as_of={self.world.as_of(NIGHT)}/data.parquet"
        return {row["subscriber_id"]: row for row in pq.ParquetFile(path).read().to_pylist()}

    def differences(self, table: str) -> dict[str, set[str]]:
        """The columns that differ, by subscriber."""
        then, now = self.rows(self.world.straight, table), self.rows(self.today, table)
        assert then.keys() == now.keys()
        found = {one: {name for name, value in row.items() if value != now[one][name]} for one, row in then.items()}
        return {one: names for one, names in found.items() if names}

    def corrected(self, number: int) -> list[dict[str, Any]]:
        """The newest version's rows of a corrected drop, each with its subscriber at that night."""
        one = self.world.corrections[number]
        path = self.today / f"raw/{one.source}/{one.feed}/dt={self.world.dt(one.day)}/data.parquet"
        rows = [row for row in pq.ParquetFile(path).read().to_pylist() if row["drop_version"] == 2]
        return [{**row, "subscriber_id": self.subscribers[row["msisdn_token"]]} for row in rows
                if row["msisdn_token"] in self.subscribers]


def know_at_once(world: TenDays, home: Path) -> None:
    """Take every correction to have been known with the drop it corrects."""
    for correction in world.corrections:
        schema = raw.schema(BY_ID[f"{correction.source}.{correction.feed}"])
        path = home / f"raw/{correction.source}/{correction.feed}/dt={world.dt(correction.day)}/data.parquet"
        table = pq.ParquetFile(path).read()
        on_time = [world.as_of(correction.day)] * table.num_rows
        place = table.schema.get_field_index("known_on")
        writer = raw.Writer(path, schema)
        writer.add(table.set_column(place, schema.field("known_on"), [on_time]))
        writer.close()
        manifest = path.parents[1] / "manifest.jsonl"
        lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if line["key"]["dt"] == str(world.dt(correction.day)):
                for drop in line["inputs"]["drops"]:
                    drop["known_on"] = str(world.as_of(correction.day))
        manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


@pytest.fixture(scope="module")
def replayed(ten_days: TenDays, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    today = tmp_path_factory.mktemp("today") / "home"
    copy_home(ten_days.straight, today)
    for published in ("features", "labels"):
        shutil.rmtree(today / published)
    know_at_once(ten_days, today)
    done(today, "unify", [ten_days.as_of(NIGHT)])
    with duckdb.connect(str(today / "warehouse/warehouse.duckdb"), read_only=True) as connection:
        held = connection.execute(
            "select msisdn_token, subscriber_id from intermediate.int_number_holding "
            "where known_by = ? and held_to_on is null", [ten_days.as_of(NIGHT)]).fetchall()
    yield Replayed(ten_days, today, dict(held))
    shutil.rmtree(today)


def test_a_night_rebuilt_after_its_past_was_corrected_has_the_bytes_it_published(
    ten_days: TenDays, tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    copy_home(ten_days.straight, home)
    for published in ("features", "labels"):
        shutil.rmtree(home / published)
    done(home, "unify", [ten_days.as_of(NIGHT)])
    found, wanted = fingerprint(home), fingerprint(ten_days.straight)
    rebuilt = {name for name in found if not name.startswith("raw/")}
    # Roster, consent, three feature tables and a label of every model; each a file and its entry.
    assert len(rebuilt) == 2 * (5 + len(SPECS))
    assert {name for name in rebuilt if found[name] != wanted[name]} == set()


def test_rebuilding_a_published_night_in_place_is_a_no_op(ten_days: TenDays) -> None:
    before = fingerprint(ten_days.straight)
    done(ten_days.straight, "unify", [ten_days.as_of(NIGHT)])
    assert fingerprint(ten_days.straight) == before


def test_known_today_use_differs_for_those_the_correction_names_and_by_what_it_says(replayed: Replayed) -> None:
    then, now = (replayed.rows(home, "ftr_subscriber_network")
                 for home in (replayed.world.straight, replayed.today))
    active = [row["subscriber_id"] for row in replayed.corrected(0)[:3] if row["subscriber_id"] in then]
    differences = replayed.differences("ftr_subscriber_network")
    assert active
    assert set(differences) == set(active)
    for one, names in differences.items():
        assert {"data_mb_7d", "data_mb_30d", "data_mb_90d"} <= names
        assert [name for name in names if not name.startswith(BY_VOLUME)] == []
        for window in (7, 30, 90):
            more = now[one][f"data_mb_{window}d"] - then[one][f"data_mb_{window}d"]
            assert math.isclose(more, SAID_TOO_LITTLE / 1024, abs_tol=1e-6)


def test_known_today_care_differs_for_those_the_correction_names_and_by_what_it_says(replayed: Replayed) -> None:
    then, now = (replayed.rows(home, "ftr_subscriber_care") for home in (replayed.world.straight, replayed.today))
    contacts: dict[str, int] = defaultdict(int)
    for row in replayed.corrected(1):
        if row["subscriber_id"] in then:
            contacts[row["subscriber_id"]] += 1
    differences = replayed.differences("ftr_subscriber_care")
    assert contacts
    assert differences == {one: {"mean_wait_s_90d"} for one in contacts}
    for one, count in contacts.items():
        more = (now[one]["mean_wait_s_90d"] - then[one]["mean_wait_s_90d"]) * now[one]["contacts_90d"]
        assert math.isclose(more, 1000 * count, rel_tol=1e-9)


def test_known_today_nothing_differs_that_no_correction_speaks_of(replayed: Replayed) -> None:
    for table in ("roster", "ftr_subscriber_billing"):
        assert replayed.differences(table) == {}
    labels = sorted((replayed.today / "labels").rglob("data.parquet"))
    assert len(labels) == len(SPECS)
    for path in labels:
        as_published = replayed.world.straight / path.relative_to(replayed.today)
        assert path.read_bytes() == as_published.read_bytes()
