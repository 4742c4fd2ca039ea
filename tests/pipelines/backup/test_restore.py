"""A lost home comes back as it was, into an empty one alone; whoever was erased since stays erased."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines import backup, landing
from pipelines.backup import archive, restoring
from pipelines.errors import Held, IntegrityError, UsageError
from pipelines.governance import audit, erasure, rotation, tombstones
from pipelines.settings import RESTORING, settings

NAMES = ("S0000003", "A0000003", "4915100000003", "Ms. 3")


@pytest.fixture
def whole(disks: Any) -> Any:
    return backup.back_up(disks.backups / "whole.tar", with_raw=True, with_features=True)


def test_everything_is_there_again_byte_for_byte(disks: Any, whole: Any) -> None:
    before, lines = disks.kept(), audit.log_file().read_bytes()
    disks.move(disks.new)
    done = backup.restore(whole.path, nobody="a.person", expected=whole.sha256)
    assert disks.kept() == before
    assert (done.home, done.files, done.missing) == (disks.new, whole.files - 1, 0)
    assert lines.startswith(b"".join(audit.log_file().read_bytes().splitlines(keepends=True)[:-1]))
    (line,) = audit.history("restore")
    assert line.facts["nobody_erased_since"] == "a.person"
    assert audit.verify(ask_registry=False).bad is None
    assert sorted(one.name for one in disks.new.iterdir() if one.name.startswith(".")) == []
    for store in ("secrets", "vault", "quarantine"):
        assert (disks.new / store).stat().st_mode & 0o777 == 0o700
        assert {one.stat().st_mode & 0o777 for one in (disks.new / store).rglob("*") if one.is_file()} == {0o600}


def test_the_registry_finds_its_artifacts_in_the_new_home(disks: Any, whole: Any) -> None:
    disks.move(disks.new)
    backup.restore(whole.path, nobody="a.person")
    with closing(sqlite3.connect(disks.new / "mlflow/mlflow.db")) as registry:
        assert registry.execute("select * from runs").fetchall() == [
            ((disks.new / "mlflow/artifacts/1").as_uri(), "as it was")]
    assert (disks.new / "mlflow/artifacts/model.ubj").read_bytes() == b"\x00trees"


def test_whoever_was_erased_since_is_in_no_file_and_does_not_come_in_again(disks: Any, whole: Any) -> None:
    token, dropped = disks.house.line(), disks.backups / "dropped"
    shutil.copytree(settings().landing, dropped)
    erasure.erase(disks.house.requests(3), disks.house.on)
    shutil.copy(tombstones.path(), disks.backups / "stones.jsonl")
    stones = set(tombstones.standing())
    disks.move(disks.new)
    done = backup.restore(whole.path, stones=disks.backups / "stones.jsonl")
    assert (done.erased, done.erased_since) == (1, 1)
    assert set(tombstones.standing()) == stones
    stores = sorted(one.name for one in disks.new.iterdir() if one.name != "tombstones")
    found = disks.house.text(*stores)
    assert "raw" in stores
    assert token not in found
    assert not [word for word in NAMES if word in found]
    assert json.loads((done.proof / "proof.json").read_text())["clean"] is True  # type: ignore[operator]
    shutil.copytree(dropped, disks.new / "landing")  # the sender sends it all again
    disks.house.land()
    assert token not in disks.house.text("raw")


def test_tombstones_left_in_the_lost_home_count_by_themselves(disks: Any, whole: Any) -> None:
    erasure.erase(disks.house.requests(3), disks.house.on)
    shutil.copytree(settings().tombstones, disks.new / "tombstones")
    disks.move(disks.new)
    assert backup.restore(whole.path).erased_since == 1
    assert disks.house.line() not in disks.house.text("raw", "features", "scores", "vault")


def test_a_key_rotated_since_hides_nobody(disks: Any, whole: Any) -> None:
    """The stones of numbers are under a key the backup does not have; the subscription's leads to them."""
    number = next(one for one in (disks.house.raw("billing_alpha.subscriptions")).to_pylist()
                  if one["subscription_token"] == disks.house.line())["msisdn_token"]
    rotation.rotate("msisdn")
    erasure.erase(disks.house.requests(3), disks.house.on)
    shutil.copy(tombstones.path(), disks.backups / "stones.jsonl")
    disks.move(disks.new)
    backup.restore(whole.path, stones=disks.backups / "stones.jsonl")
    assert number in {one.token for one in tombstones.standing() if one.kind == "msisdn"}
    assert number not in disks.house.text("raw", "vault")


def test_it_does_not_begin_until_somebody_says_who_was_erased(disks: Any, whole: Any) -> None:
    disks.move(disks.new)
    with pytest.raises(UsageError, match="who was erased after"):
        backup.restore(whole.path)
    (disks.backups / "odd.jsonl").write_text('{"request": "R", "erased_on": "x", "kind": "msisdn", "token": "../"}\n')
    with pytest.raises(IntegrityError, match=r"odd.jsonl:1: not a tombstone"):
        backup.restore(whole.path, stones=disks.backups / "odd.jsonl")
    assert not list(disks.new.iterdir())


def test_somebody_still_found_stops_it_before_anything_serves(
    disks: Any, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure.erase(disks.house.requests(3), disks.house.on)
    shutil.copy(tombstones.path(), disks.backups / "stones.jsonl")
    disks.move(disks.new)
    monkeypatch.setitem(erasure.STEPS, "raw", lambda job: [])
    with pytest.raises(Held, match="still found"):
        backup.restore(whole.path, stones=disks.backups / "stones.jsonl")
    assert not list(disks.new.iterdir())


def test_it_goes_into_an_empty_home_alone(disks: Any, whole: Any) -> None:
    before = disks.kept()
    with pytest.raises(UsageError, match="is not empty: it holds anchors, audit"):
        backup.restore(whole.path, nobody="a.person")
    assert disks.kept() == before


def test_a_backup_without_raw_needs_a_copy_that_goes_on_where_it_ended(disks: Any) -> None:
    slim, raw = backup.back_up(disks.backups / "slim.tar"), settings().raw
    copy = disks.backups / "raw"
    shutil.copytree(raw, copy)
    before = disks.kept()
    disks.move(disks.new)
    with pytest.raises(UsageError, match="made without raw/"):
        backup.restore(slim.path, nobody="a.person")
    live = next(copy.rglob("subscriptions/dt=*/data.parquet"))
    whole = live.read_bytes()
    live.write_bytes(whole[:-1])
    with pytest.raises(IntegrityError, match="1 drops are not as raw/ has them"):
        backup.restore(slim.path, nobody="a.person", raw=copy)
    live.unlink()
    with pytest.raises(IntegrityError, match="1 drops are not as raw/ has them"):
        backup.restore(slim.path, nobody="a.person", raw=copy)
    live.write_bytes(whole)
    journal = live.parents[1] / "manifest.jsonl"
    lines = journal.read_bytes()
    journal.write_bytes(b"")
    with pytest.raises(IntegrityError, match="does not go on where"):
        backup.restore(slim.path, nobody="a.person", raw=copy)
    journal.write_bytes(lines)
    assert not list(disks.new.iterdir())
    done = backup.restore(slim.path, nobody="a.person", raw=copy)
    assert (done.missing, done.oldest_missing) == (2, str(disks.house.on))
    assert disks.kept() == {path: data for path, data in before.items()
                            if not (path.startswith(("features", "labels")) and path.endswith("data.parquet"))
                            and "/schema/" not in path}


def test_any_changed_byte_and_any_cut_is_refused_and_nothing_is_in_place(disks: Any, whole: Any) -> None:
    data = whole.path.read_bytes()
    disks.move(disks.new)
    bad = disks.backups / "bad.tar"
    places = [*range(700, len(data), len(data) // 12)]
    for place in places:
        bad.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
        try:
            backup.restore(bad, nobody="a.person")
        except IntegrityError:
            assert not list(disks.new.iterdir())
        else:  # a byte of padding, which is no part of any file
            assert data[place] == 0
            shutil.rmtree(disks.new)
    for end in (0, 511, 2000, len(data) // 2, len(data) - 20_000):
        bad.write_bytes(data[:end])
        with pytest.raises(IntegrityError):
            backup.restore(bad, nobody="a.person")
        assert not list(disks.new.iterdir())


@pytest.mark.parametrize("name", ["home/../../out", "/etc/passwd", "home/a/../../../out", "elsewhere/a", "home",
                                  "home//a", "./home/a", "home\\..\\a"])
def test_no_name_leads_out_of_the_folder(disks: Any, name: str) -> None:
    with pytest.raises(IntegrityError, match="no file of a backup"):
        archive.unpack(_made(disks.backups / "bad.tar", tarfile.TarInfo(name)), disks.new)
    assert not list(disks.backups.parent.rglob("out"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_nothing_but_plain_files_is_taken(disks: Any, kind: bytes) -> None:
    member = tarfile.TarInfo("home/a")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(IntegrityError, match="not a plain file"):
        archive.unpack(_made(disks.backups / "bad.tar", member), disks.new)


def test_a_file_twice_or_one_that_is_not_listed_is_refused(disks: Any) -> None:
    twice = [tarfile.TarInfo("home/a"), tarfile.TarInfo("home/a")]
    with pytest.raises(IntegrityError, match="twice"):
        archive.unpack(_made(disks.backups / "a.tar", *twice), disks.new / "a")
    with pytest.raises(IntegrityError, match=r"not as files\.json lists them"):
        archive.unpack(_made(disks.backups / "b.tar", tarfile.TarInfo("home/b")), disks.new / "b")


def test_a_newer_format_is_left_to_the_version_that_made_it(disks: Any) -> None:
    path = _made(disks.backups / "a.tar", head={"format": archive.FORMAT + 1, "version": "9.9"})
    disks.move(disks.new)
    with pytest.raises(IntegrityError, match=r"format 2, this version reads 1; .* \(9.9\)"):
        backup.restore(path, nobody="a.person")
    (disks.backups / "text").write_text("a letter")
    with pytest.raises(IntegrityError, match="not a backup of telco"):
        backup.restore(disks.backups / "text", nobody="a.person")


def test_nothing_works_in_a_home_that_is_being_restored_and_a_killed_one_is_finished(
    disks: Any, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = disks.kept()
    disks.move(disks.new)
    rename, renamed = Path.rename, list[str]()

    def killed(self: Path, target: Path) -> Path:
        if len(renamed) == 3:
            raise KeyboardInterrupt
        renamed.append(self.name)
        return rename(self, target)

    monkeypatch.setattr(restoring.Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        backup.restore(whole.path, nobody="a.person")
    monkeypatch.setattr(restoring.Path, "rename", rename)
    settings.cache_clear()
    assert (disks.new / RESTORING).exists()
    with pytest.raises(UsageError, match="restore is under way or was killed"):
        landing.land(disks.house.on)
    backup.restore(whole.path, nobody="a.person")
    assert disks.kept() == before


def _made(path: Path, *members: tarfile.TarInfo, head: dict[str, Any] | None = None) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, value in ((archive.HEAD, head or {"format": archive.FORMAT}), *((one, None) for one in members),
                            (archive.FILES, {})):
            data = json.dumps(value).encode() if value is not None else b""
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path
