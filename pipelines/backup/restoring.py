"""A backup into an empty home: all of it checked beside, the erased erased again, then put in place.

Everything happens below `.restoring/` of the home; while that is there no other command and no DAG works in this home
(`pipelines.settings`). Killed before the last step, the next restore begins anew; killed within it, it is finished.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.backup import archive, contents, databases, rawcopy
from pipelines.clock import parse_day, utc_now
from pipelines.errors import IntegrityError, UsageError
from pipelines.governance import audit, tombstones
from pipelines.governance.tombstones import PREFIX, Tombstone
from pipelines.progress import Report, silent
from pipelines.publish import LIVE, Dataset, sha256
from pipelines.settings import RESTORING, home_folder, settings

log = logging.getLogger(__name__)

ALLOWED = frozenset({RESTORING, "tombstones", "lost+found"})  # in a home that counts as empty
SEALED = ("secrets", "vault", "tombstones", "quarantine", "ledger")
PLACING = "placing"


@dataclass(frozen=True)
class Restored:
    """What was put in place. `erased`: persons by tombstone, searched for in every file. `missing`: partitions of
    features and labels that the journals name and that must be built again."""

    home: Path
    made_at: str
    files: int
    databases: tuple[str, ...]
    erased: int
    erased_since: int
    proof: Path | None
    missing: int
    oldest_missing: str = ""
    newest_missing: str = ""


def restore(
    path: Path, *, expected: str | None = None, stones: Path | None = None, nobody: str = "",
    raw: Path | None = None, without: Collection[str] = (), report: Report = silent,
) -> Restored:
    """Restore a backup into the empty TELCO_HOME.

    Who was erased after the backup must be said: `stones` is a file of tombstones, those that lie in the home count as
    well, or `nobody` is the name of the person who answers for it that there was nobody. `raw`: a copy of raw/, for a
    backup without it. Raises UsageError when one of them is missing or the home holds anything, IntegrityError for
    whatever is not as it was written, Held when somebody erased is still found; then nothing is in place.
    """
    home = home_folder()
    with _alone(home) as beside:
        if (beside / PLACING).exists():
            report("an earlier restore was killed while it put things in place: finishing it")
            _place(beside, home)
            return Restored(home, "finished", 0, (), 0, 0, None, *_missing(home))
        told = archive.head(path)
        given = _given(home, stones, nobody)
        _check(path, told, expected, raw)
        report(f"reading {path.name}, made {told['made_at']}, and checking every file")
        archive.unpack(path, beside)
        staged = beside / archive.HOME
        files = sum(1 for one in beside.rglob("*") if one.is_file()) - 1
        if contents.RAW not in told["contents"] and raw is not None:
            report(f"raw/ from {raw}")
            rawcopy.bring(raw, staged / "raw")
        rawcopy.check(staged / "raw")
        with _living_in(staged, home):
            _fill_databases(beside, told, home, without, report)
            proof, since = _erase(given, report)
            audit.record("restore", subject="home", made_at=told["made_at"], nobody_erased_since=nobody,
                         erased_since=since, clean=proof is None or bool(proof.searched))
            erased = len(tombstones.subscribers())
        (beside / PLACING).touch()
        _place(beside, home)
    where = home / "reports" / "erasure" / proof.job if proof else None
    log.info("restored home=%s files=%d erased=%d", home, files, erased)
    return Restored(home, told["made_at"], files, tuple(sorted(told["databases"])), erased, since, where,
                    *_missing(home))


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """The folder beside, empty, in a home that holds nothing else; gone again unless it is being put in place."""
    held = sorted(one.name for one in home.iterdir() if one.name not in ALLOWED) if home.is_dir() else []
    beside = home / RESTORING
    if held and not (beside / PLACING).exists():
        raise UsageError(f"{home} is not empty: it holds {', '.join(held[:5])}. A backup goes into an empty home: move "
                         "this one away (not its tombstones/, they count), or set TELCO_HOME to another folder")
    beside.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (beside / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{home}: another restore is at work") from None
        if not (beside / PLACING).exists():
            _empty(beside)
        try:
            yield beside
        finally:
            if beside.exists() and not (beside / PLACING).exists():
                shutil.rmtree(beside)


def _empty(folder: Path) -> None:
    for one in folder.iterdir():
        if one.name != ".lock":
            shutil.rmtree(one) if one.is_dir() else one.unlink()


def _given(home: Path, stones: Path | None, nobody: str) -> tuple[Tombstone, ...]:
    """Tombstones from outside the backup. Raises UsageError when nobody says who was erased since."""
    own = home / "tombstones" / "tombstones.jsonl"
    found = [*(tombstones.read_file(stones) if stones else ()), *(tombstones.read_file(own) if own.exists() else ())]
    if stones is None and not own.exists() and not nobody:
        raise UsageError(
            "who was erased after this backup was made? Give the newest tombstones: --tombstones FILE (telco backup "
            "FOLDER writes tombstones.jsonl beside its backups, telco privacy tombstones --to FILE at any time). Only "
            "where nobody was: --nobody-erased-since NAME, the name of who answers for it; it is recorded"
        )
    return tuple(found)


def _check(path: Path, told: dict[str, Any], expected: str | None, raw: Path | None) -> None:
    if contents.RAW not in told["contents"] and raw is None:
        raise UsageError(f"{path} was made without raw/, which nothing can make again: give its copy with --raw FOLDER")
    if expected is not None and sha256(path) != expected:
        raise IntegrityError(f"{path}: sha256 {sha256(path)[:12]} is not {expected[:12]}; it is another file")


def _fill_databases(
    beside: Path, told: dict[str, Any], home: Path, without: Collection[str], report: Report
) -> None:
    """SQLite files to their places, MLflow's addresses to this home; PostgreSQL filled where it is empty."""
    was = Path(str(told["home"]))
    for one in databases.known(without):
        kind, copy = told["databases"].get(one.name), beside / one.member
        if kind is None:
            continue
        if kind != one.kind:
            raise UsageError(f"{one.name}: the backup holds {kind}, this deployment is set to {one.kind}; set the same")
        if kind == databases.POSTGRESQL:
            report(f"{one.name}: pg_restore")
            databases.load(one, copy)
            continue
        if one.path.exists():
            raise UsageError(f"{one.path} exists; a database is restored into none. Move it away first")
        one.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, one.path)
        if one.name == "mlflow" and was != home:
            databases.repoint(one.path, (was / "mlflow").as_uri(), (home / "mlflow").as_uri())


def _erase(given: tuple[Tombstone, ...], report: Report) -> tuple[Any, int]:
    """Erase in the staged home whoever any tombstone names; the proof, and how many the backup did not know of.

    A subscription's token never changes, and leads to the person's others as this raw/ has them: the given ones may be
    under a key that was rotated after the backup, and would then bar nothing here.
    """
    from pipelines.governance import erasure
    from pipelines.governance.erasure import person

    before = tombstones.subscribers()
    since = [stone for stone in given if stone.kind == "subscription" and PREFIX + stone.token not in before]
    present = person.known(stone.token for stone in since) if since else set()
    stones = list(given)
    for day in sorted({stone.erased_on for stone in since}):
        theirs = {one.token: one.request for one in since if one.erased_on == day and one.token in present}
        stones += person.resolve(theirs, parse_day(day)).stones if theirs else ()
    added = tombstones.add(stones)
    report(f"{len(since)} persons were erased after the backup, {added} tombstones more; looking for all of them")
    return erasure.again(utc_now().date(), report=report), len(since)


@contextmanager
def _living_in(staged: Path, home: Path) -> Iterator[None]:
    """This process works in the staged home, its SQLite registry included, as if it were TELCO_HOME."""
    before = {name: os.environ.get(name) for name in ("TELCO_HOME", "MLFLOW_TRACKING_URI",
                                                      "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")}
    os.environ["TELCO_HOME"] = str(staged)
    for name, value in before.items():
        if value and value.startswith(f"sqlite:///{home}/"):
            os.environ[name] = value.replace(f"sqlite:///{home}/", f"sqlite:///{staged}/", 1)
    settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        settings.cache_clear()


def _place(beside: Path, home: Path) -> None:
    """Every store by one rename. What is in place already is not staged any more, so it can be killed and repeated."""
    staged = beside / archive.HOME
    for store in sorted(staged.iterdir()) if staged.is_dir() else ():
        if store.name in SEALED:
            for folder in (store, *(one for one in store.rglob("*") if one.is_dir())):
                folder.chmod(0o700)
        else:
            for folder in (store, *store.rglob("*")) if store.is_dir() else ():
                if folder.is_dir():
                    folder.chmod(0o755)
        with suppress(FileNotFoundError):
            if store.name == "tombstones":
                shutil.rmtree(home / store.name)  # all of them are in the staged ones
        store.rename(home / store.name)
    handle = os.open(home, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    shutil.rmtree(beside)
    settings.cache_clear()


def _missing(home: Path) -> tuple[int, str, str]:
    """Published features and labels that the journals name and the backup did not hold, with their days."""
    gone = [entry.key["as_of"] for store in contents.LARGE[contents.FEATURES]
            for manifest in sorted((home / store).glob("*/manifest.jsonl"))
            for dataset in [Dataset(manifest.parent, ("as_of",))]
            for entry in dataset.entries().values()
            if entry.state == "committed" and not (dataset.directory(entry.key) / LIVE).exists()]
    return (len(gone), min(gone), max(gone)) if gone else (0, "", "")
