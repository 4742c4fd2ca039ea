"""What a backup holds, that it is whole while others write, and that it takes nobody's place."""

from __future__ import annotations

import json
import sqlite3
import tarfile
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import backup
from pipelines.backup import archive, databases
from pipelines.errors import Held, TelcoError, UsageError
from pipelines.governance import audit
from pipelines.publish import LIVE, Dataset, sha256
from pipelines.settings import settings


def members(path: Path) -> set[str]:
    with tarfile.open(path) as tar:
        return set(tar.getnames())


def test_it_holds_what_cannot_be_made_again_and_nothing_else(disks: Any) -> None:
    made = backup.back_up(disks.backups / "state.tar")
    held = members(made.path)
    stores = {name.split("/")[1] for name in held if name.startswith("home/")}
    assert stores == {"anchors", "audit", "champions", "estate.toml", "features", "labels", "mlflow", "quarantine",
                      "raw", "reports", "scores", "secrets", "vault"}
    partitions = {name.split("/")[1] for name in held if name.endswith(LIVE)}
    assert partitions == {"scores"}
    assert {"home/raw/linking_keys.json", "home/features/ftr_a/manifest.jsonl", "databases/mlflow.sqlite"} <= held
    assert not [name for name in held if name.endswith((".lock", ".tmp", ".html", "mlflow.db"))]


def test_raw_and_features_come_along_when_they_are_asked_for(disks: Any) -> None:
    made = backup.back_up(disks.backups / "whole.tar", with_raw=True, with_features=True)
    partitions = {name.split("/")[1] for name in members(made.path) if name.endswith(LIVE)}
    assert partitions == {"features", "labels", "raw", "scores"}


def test_it_is_for_its_owner_alone_and_its_digest_is_recorded(disks: Any) -> None:
    made = backup.back_up(disks.backups)
    assert made.path.parent == disks.backups
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.sha256 == sha256(made.path)
    (line,) = audit.history("backup")
    assert (line.facts["sha256"], line.facts["files"]) == (made.sha256, made.files)
    assert (disks.backups / "tombstones.jsonl").stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in disks.backups.iterdir()) == [made.path.name, "tombstones.jsonl"]


def test_it_replaces_nothing_and_does_not_lie_in_the_home(disks: Any) -> None:
    (disks.backups / "a.tar").write_bytes(b"another")
    for target, said in ((disks.backups / "a.tar", "exists already"), (settings().home / "b.tar", "lies in the home"),
                         (disks.backups / "none" / "c.tar", "no folder")):
        with pytest.raises(UsageError, match=said):
            backup.back_up(target)
    assert (disks.backups / "a.tar").read_bytes() == b"another"


def test_what_fails_half_way_leaves_no_file_and_no_line(disks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: archive.Writer) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.Writer, "close", full)
    with pytest.raises(TelcoError, match="No space left"):
        backup.back_up(disks.backups / "a.tar")
    assert not list(disks.backups.iterdir())
    assert not audit.history("backup")


def test_every_partition_is_the_one_its_journal_names_while_corrections_are_published(disks: Any, home: Path) -> None:
    drop = Dataset(settings().raw / "busy", ("dt",))
    stop = threading.Event()

    def correct() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            table = pa.table({"value": [number] * 200_000})
            drop.publish({"dt": "2026-03-01"}, lambda path, table=table: pq.write_table(table, path) or 1, frozen=False)

    writer = threading.Thread(target=correct)
    writer.start()
    while drop.entry({"dt": "2026-03-01"}) is None:
        stop.wait(0.01)
    try:
        made = [backup.back_up(disks.backups / f"{number}.tar", with_raw=True) for number in range(5)]
    finally:
        stop.set()
        writer.join()
    versions = set()
    for one in made:
        with tarfile.open(one.path) as tar:
            journal = tar.extractfile("home/raw/busy/manifest.jsonl")
            live = tar.extractfile("home/raw/busy/dt=2026-03-01/data.parquet")
            assert journal is not None
            assert live is not None
            newest = [json.loads(line) for line in journal.read().splitlines()][-1]
            (home / "seen").write_bytes(live.read())
        assert (newest["state"], newest["sha256"]) == ("committed", sha256(home / "seen"))
        versions.add(newest["version"])
    assert len(versions) > 1  # somebody did write meanwhile


def test_a_database_in_use_is_copied_as_of_its_last_commit(disks: Any) -> None:
    with closing(sqlite3.connect(settings().mlflow / "mlflow.db")) as registry:
        registry.execute("pragma journal_mode = wal")
        registry.execute("insert into runs values ('x', 'done')")
        registry.commit()
        registry.execute("insert into runs values ('x', 'not done')")  # a transaction that is open
        made = backup.back_up(disks.backups / "a.tar")
    with tarfile.open(made.path) as tar:
        tar.extract("databases/mlflow.sqlite", disks.backups, filter="data")
    with closing(sqlite3.connect(disks.backups / "databases/mlflow.sqlite")) as copy:
        assert [note for (note,) in copy.execute("select note from runs")] == ["as it was", "done"]


def test_it_waits_for_no_half_rotated_key(disks: Any) -> None:
    (settings().secrets / "rotating_msisdn.json").write_text("{}")
    with pytest.raises(Held, match="being rotated"):
        backup.back_up(disks.backups / "a.tar")


def test_a_database_out_of_reach_is_said_or_left_to_others(disks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(UsageError, match="TELCO_MLFLOW_DATABASE"):
        backup.back_up(disks.backups / "a.tar")
    assert backup.back_up(disks.backups / "a.tar", without=["mlflow"]).databases == ()
    with pytest.raises(UsageError, match="--without feast"):
        databases.known(["feast"])


def test_without_pg_dump_it_says_what_to_install(disks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://u:password@db/airflow")
    settings.cache_clear()
    monkeypatch.setattr(databases.shutil, "which", lambda name: None)
    monkeypatch.setattr(databases.glob, "glob", lambda pattern: [])
    with pytest.raises(TelcoError, match="no pg_dump") as refused:
        backup.back_up(disks.backups / "a.tar")
    assert "password@" not in str(refused.value)
    assert "password@" not in repr(databases.known())


def test_a_correction_after_the_restore_is_known_from_the_same_day(disks: Any) -> None:
    """The journals of what is published are in also without the partitions: a knowledge date rests on them."""
    published = Dataset(settings().features / "roster", ("as_of",))
    later = {"as_of": str(disks.house.on + timedelta(days=9))}
    published.publish(later, lambda path: pq.write_table(pa.table({"subscriber_id": ["sub_x"]}), path) or 1)
    made = backup.back_up(disks.backups / "a.tar", with_raw=True)

    def corrected() -> Any:
        disks.house.drop("care.interactions", disks.house.drops.rows("care.interactions", 5),
                         produced_at=f"{disks.house.on}T10:00:00Z")
        assert {one.state for one in disks.house.land() if one.feed == "care.interactions"} == {"corrected"}
        return disks.house.raw("care.interactions")["known_on"].to_pylist()

    before = corrected()
    assert max(before) == disks.house.on + timedelta(days=10)
    disks.move(disks.new)
    backup.restore(made.path, nobody="a.person")
    assert corrected() == before
