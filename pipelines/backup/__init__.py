"""Backup and restore of everything in a home that cannot be made again, as one file.

A backup is consistent while nights run: SQLite and PostgreSQL give their own snapshots, every dataset stands still
while it is copied, erasures wait, and what refers to something is copied before it. A restore goes into an empty home,
checks every byte before anything is in place, and erases again whoever a tombstone names before a score can be read.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pipelines.backup import contents, databases
from pipelines.backup.archive import HOME, Hashed, Writer
from pipelines.backup.restoring import Restored, restore
from pipelines.clock import utc_now
from pipelines.errors import Held, UsageError
from pipelines.governance import audit, tombstones
from pipelines.landing import sealed
from pipelines.progress import Report, silent
from pipelines.publish import replacing
from pipelines.settings import settings

__all__ = ["Made", "Restored", "back_up", "restore"]

log = logging.getLogger(__name__)

STONES = "tombstones.jsonl"  # beside the backups of a folder: who was erased, also after an older one of them


@dataclass(frozen=True)
class Made:
    """A backup that was made. `databases` are those in it; `sha256` is the whole file's."""

    path: Path
    sha256: str
    bytes: int
    files: int
    contents: tuple[str, ...]
    databases: tuple[str, ...]


def back_up(
    target: Path, *, with_raw: bool = False, with_features: bool = False, without: Collection[str] = (),
    report: Report = silent,
) -> Made:
    """Write a backup of this home to a file that does not exist, or under a name of its own into a folder; whole or not
    at all, for its owner alone. In a folder the tombstones are written beside it.

    Raises UsageError for a target that exists or lies in the home, Held while a key is being rotated.
    """
    home, moment = settings().home, utc_now()
    path = target / f"telco-{moment:%Y%m%dT%H%M%SZ}.tar" if target.is_dir() else target
    _check(path, home)
    chosen = tuple(name for name, wanted in ((contents.RAW, with_raw), (contents.FEATURES, with_features)) if wanted)
    wanted = databases.known(without)
    from pipelines.governance.erasure import job

    report("waiting for an erasure under way, if there is one")
    with job.alone(), tempfile.TemporaryDirectory(dir=path.parent, prefix=".telco-backup-") as scratch:
        _no_rotation()
        keys = _keys()
        saved = {one: Path(scratch) / one.name for one in wanted if databases.save(one, Path(scratch) / one.name)}
        names = tuple(sorted(one.name for one in saved))
        head = {"made_at": moment.isoformat(timespec="seconds"), "home": str(home), "contents": chosen,
                "databases": {one.name: one.kind for one in saved}, "audit_head": str(audit.head()),
                "erased": len(tombstones.subscribers()), "version": _version()}
        with replacing(path, 0o600) as raw:
            out = Hashed(raw)
            writer = Writer(out, head)
            for one, copy in saved.items():
                writer.add(one.member, copy)
                report(f"{one.name}: {copy.stat().st_size:,} bytes")
            _write_home(writer, home, chosen, [one.path for one in wanted if one.kind == databases.SQLITE], report)
            _no_rotation(keys)
            writer.close()
            audit.record("backup", subject="home", sha256=out.sha256, files=len(writer.files), contents=chosen,
                         databases=names)
        if target.is_dir():
            sealed.write(target / STONES, tombstones.path().read_bytes() if tombstones.path().exists() else b"")
    log.info("backup path=%s files=%d bytes=%d", path, len(writer.files), out.bytes)
    return Made(path, out.sha256, out.bytes, len(writer.files), chosen, names)


def _write_home(writer: Writer, home: Path, chosen: tuple[str, ...], taken: list[Path], report: Report) -> None:
    store = ""
    for path in contents.files(chosen, taken):
        name = path.relative_to(home)
        if name.parts[0] != store:
            store = name.parts[0]
            report(f"{store}/" if (home / store).is_dir() else store)
        writer.add(f"{HOME}/{name.as_posix()}", path)
    if f"{HOME}/estate.toml" not in writer.files:
        writer.add(f"{HOME}/estate.toml", settings().estate_file)


def _check(path: Path, home: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already; a backup replaces nothing, give another name")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is no folder; make it first, on another disk than {home}")
    if path.resolve().is_relative_to(home):
        raise UsageError(f"{path} lies in the home it is a backup of; give a place on another disk")


def _keys() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(settings().secrets.glob("link_*.json"))}


def _no_rotation(before: dict[str, bytes] | None = None) -> None:
    """Raises Held while tokens of two keys are in the house, or when the keys are no longer those of before."""
    rotating = [path.name for path in settings().secrets.glob("rotating_*.json")]
    changed = [name for name, key in (before or {}).items() if _keys().get(name) != key]
    if rotating or changed:
        raise Held("backup", [f"a linking key is being rotated: {', '.join(rotating + changed)}"],
                   "let telco privacy rotate-key end, then make the backup")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("telco-mlops")
    except PackageNotFoundError:
        return "not installed"
