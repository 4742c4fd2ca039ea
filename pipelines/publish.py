"""Write, audit, publish: a partition is one directory with one live file, replaced by one atomic rename.

The manifest beside the partitions is an append-only journal of two lines per publication: `prepared` before the
rename, `committed` after it. A process killed between the two leaves a `prepared` line whose sha256 says whether
the rename happened, so `repair` needs nothing but the directory. One machine, one disk: the lock is `flock`.

What is published never changes, with one exception: `rewrite`, for the erasure of a person or a new linking key. Its
line (`rewritten`) takes the place of the one before and says what that was: its sha256, its rows, and why.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.errors import Held, IntegrityError, PublishedChanged, StorageFault, UsageError

log = logging.getLogger(__name__)

LIVE = "data.parquet"
_REFUSALS = {  # what a disk says when it takes no more, and what a person can do about it
    errno.ENOSPC: "free some space (bytes or inodes: df, df -i)", errno.EDQUOT: "free some of the quota",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)", errno.EROFS: "mount it writable",
    errno.EACCES: "give this user the right to write there", errno.EPERM: "let this user write there",
}
Key = Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """One publication. `state` is `committed`, `absent` (declared: nothing will come for this key) or `purged` (it was
    published, and its retention is over)."""

    key: dict[str, str]
    version: int
    rows: int
    sha256: str
    known_on: str | None = None
    state: str = "committed"
    inputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """A family of partitions below `root`, each named by the values of `keys`, as `name=value` folders."""

    root: Path
    keys: tuple[str, ...]

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.jsonl"

    def directory(self, key: Key) -> Path:
        """The folder of one partition; the key must name exactly the dataset's keys."""
        if tuple(key) != self.keys:
            raise UsageError(f"{self.root.name}: partitions are keyed {self.keys}, not {tuple(key)}")
        return self.root.joinpath(*(f"{name}={value}" for name, value in key.items()))

    def live(self, key: Key) -> Path:
        return self.directory(key) / LIVE

    def entries(self) -> dict[tuple[str, ...], Entry]:
        """The standing entry of every key, oldest key first; a rewritten partition stands as committed."""
        standing: dict[tuple[str, ...], Entry] = {}
        for entry in self._journal():
            if entry.state != "prepared":
                standing[tuple(entry.key.values())] = (
                    replace(entry, state="committed") if entry.state == "rewritten" else entry
                )
        return dict(sorted(standing.items()))

    def entry(self, key: Key) -> Entry | None:
        return self.entries().get(tuple(key.values()))

    def history(self, key: Key) -> list[Entry]:
        """Every publication of one key, in the order they were made."""
        return [entry for entry in self._journal() if entry.key == dict(key) and entry.state != "prepared"]

    def publications(self) -> list[Entry]:
        """Every publication of every key, in the order they were made, as it was when it was made.

        Without rewritings: what a later partition says of its inputs stays true of these lines.
        """
        return [entry for entry in self._journal() if entry.state == "committed"]

    def publish(
        self,
        key: Key,
        write: Callable[[Path], int],
        *,
        audit: Callable[[Path], None] | None = None,
        known_on: date | None = None,
        inputs: Mapping[str, Any] | None = None,
        frozen: bool = True,
    ) -> Entry:
        """Write beside, audit, rename, record. `write(path)` writes the file and returns its row count.

        The same bytes again are a no-op that returns the standing entry. Other bytes raise PublishedChanged when
        `frozen` (features, labels, scores: what was published never changes), else become the next version.
        """
        folder = self.directory(key)
        with writing(folder), self._lock():
            folder.mkdir(parents=True, exist_ok=True)
            self._repair_locked()
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink()
            beside = folder / f".{uuid.uuid4().hex}.tmp"
            try:
                rows = write(beside)
                if audit is not None:
                    audit(beside)
                _refuse_erased(beside, self.root.name)
                digest = sha256(beside)
                standing = self.entry(key)
                if standing is not None and standing.state == "committed":
                    if standing.sha256 == digest:
                        if not self.live(key).exists():  # restored from a backup that held the journal alone
                            _fsync(beside)
                            os.replace(beside, self.live(key))
                        return standing
                    if frozen and self.live(key).exists() and _stands_after_erasure(standing, rows):
                        log.warning("%s %s: stands as it was when somebody was erased from it; their neighbours would "
                                    "be rebuilt otherwise", self.root.name, "/".join(key.values()))
                        return standing
                    if frozen and self.live(key).exists():
                        raise PublishedChanged(
                            f"{self.root.name} {'/'.join(key.values())}",
                            [f"published {standing.rows} rows sha256 {standing.sha256[:12]}, "
                             f"rebuilt {rows} rows sha256 {digest[:12]}"],
                            "the published bytes stand; if the code changed its meaning, publish it under a new name",
                        )
                entry = Entry(
                    key=dict(key), version=(standing.version if standing else 0) + 1, rows=rows, sha256=digest,
                    known_on=known_on.isoformat() if known_on else None, inputs=dict(inputs or {}),
                )
                self._swap(entry, beside)
            finally:
                beside.unlink(missing_ok=True)
        log.info("published %s %s rows=%d version=%d", self.root.name, "/".join(key.values()), rows, entry.version)
        return entry

    def rewrite(
        self, key: Key, write: Callable[[Path, Path], int], because: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None,
    ) -> Entry | None:
        """Replace the published bytes of a key by what `write(live, beside)` makes of them; it returns the rows.

        Version and knowledge date stay. The new line keeps, under `rewritten`, the sha256 and rows of every line it
        takes the place of, with `because`. The same bytes are a no-op; None when nothing is published for the key.
        """
        folder = self.directory(key)
        with writing(folder), self._lock():
            self._repair_locked()
            standing = self.entry(key)
            if standing is None or standing.state != "committed":
                return None
            beside = folder / f".{uuid.uuid4().hex}.tmp"
            try:
                rows = write(self.verify(key), beside)
                digest = sha256(beside)
                if digest == standing.sha256:
                    return standing
                before = {"sha256": standing.sha256, "rows": standing.rows, **because}
                chain = [*standing.inputs.get("rewritten", []), before]
                kept = {**standing.inputs, **(inputs or {}), "rewritten": chain}
                entry = replace(standing, rows=rows, sha256=digest, inputs=kept)
                self._swap(entry, beside)
            finally:
                beside.unlink(missing_ok=True)
        log.info("rewritten %s %s rows=%d before=%d", self.root.name, "/".join(key.values()), rows, standing.rows)
        return entry

    def purge(self, key: Key) -> int:
        """Remove a published partition for good and record that it was; returns the bytes freed."""
        with writing(self.root), self._lock():
            self._repair_locked()
            standing = self.entry(key)
            if standing is None or standing.state not in ("committed", "purged"):
                return 0
            if standing.state == "committed":
                self._append(standing, state="purged")
            live = self.live(key)
            size = live.stat().st_size if live.exists() else 0
            live.unlink(missing_ok=True)
            with suppress(OSError):  # something else lies there
                live.parent.rmdir()
        return size

    def declare_absent(self, keys: Sequence[Key], reason: str) -> list[Entry]:
        """Record that nothing will come for these keys; returns their entries. One that already has any keeps it."""
        with writing(self.root), self._lock():
            standing = self.entries()
            made = [standing.get(tuple(key.values())) or Entry(
                key=dict(key), version=0, rows=0, sha256="", state="absent", inputs={"reason": reason},
            ) for key in keys]
            # Together, not one by one: a day-zero dump declares hundreds of days, and each write waits for the disk.
            self._append(*(entry for entry in made if tuple(entry.key.values()) not in standing), state="absent")
        return made

    def verify(self, key: Key) -> Path:
        """The live file of a committed key, after comparing its sha256 with the manifest."""
        entry = self.entry(key)
        if entry is None or entry.state != "committed":
            raise IntegrityError(f"{self.root.name}: no published partition {dict(key)}")
        found = sha256(self.live(key))
        if found != entry.sha256 and not self._is_renamed(key, found):
            raise IntegrityError(
                f"{self.live(key)}: sha256 {found[:12]} is not the published {entry.sha256[:12]}; restore it or rebuild"
            )
        return self.live(key)

    @contextmanager
    def still(self) -> Iterator[None]:
        """While the block runs nothing is published, rewritten or purged here; who wants to waits."""
        with self._lock():
            yield

    def repair(self, keys: Sequence[Key] = ()) -> int:
        """Settle every `prepared` line a killed process left; returns how many were found committed.

        Also removes what it left half-written in the folders of `keys`.
        """
        with writing(self.root), self._lock():
            for key in keys:
                for leftover in self.directory(key).glob(".*.tmp"):
                    leftover.unlink()
            return self._repair_locked()

    def _is_renamed(self, key: Key, digest: str) -> bool:
        """Whether a writer stands, or was killed, between its rename and its record: the new file is whole."""
        renamed = self._open_lines().get(tuple(key.values()))
        return renamed is not None and renamed.sha256 == digest

    def renamed(self) -> list[Entry]:
        """Publications that began and of which nothing says that they ended: their file may be in place or not."""
        return list(self._open_lines().values())

    def _open_lines(self) -> dict[tuple[str, ...], Entry]:
        """`prepared` lines of which nothing says yet what came of them, by key."""
        open_lines: dict[tuple[str, ...], Entry] = {}
        for entry in self._journal():
            where = tuple(entry.key.values())
            if entry.state == "prepared":
                open_lines[where] = entry
            else:
                open_lines.pop(where, None)
        return open_lines

    def _repair_locked(self) -> int:
        settled = 0
        for entry in self._open_lines().values():
            live = self.live(entry.key)
            if live.exists() and sha256(live) == entry.sha256:
                self._append(entry, state=_settled_state(entry))
                settled += 1
        return settled

    def _swap(self, entry: Entry, beside: Path) -> None:
        """One rename between two lines of the journal."""
        self._append(entry, state="prepared")
        _fsync(beside)
        os.replace(beside, self.live(entry.key))
        _fsync(beside.parent)
        self._append(entry, state=_settled_state(entry))

    def _journal(self) -> Iterator[Entry]:
        if not self.manifest.exists():
            return
        for line in self.manifest.read_text(encoding="utf-8").splitlines():
            try:
                yield Entry(**json.loads(line))
            except (json.JSONDecodeError, TypeError):
                # Only a line cut by a kill can be unreadable; its `prepared` twin or the next run settles it.
                log.warning("manifest %s: an unreadable line was passed over", self.manifest)

    def _append(self, *entries: Entry, state: str) -> None:
        lines = "".join(json.dumps({**asdict(entry), "state": state}, sort_keys=True) + "\n" for entry in entries)
        data = lines.encode()
        with self.manifest.open("a+b", buffering=0) as handle:
            size = handle.seek(0, os.SEEK_END)
            if size:
                handle.seek(-1, os.SEEK_END)
                if handle.read(1) != b"\n":
                    data = b"\n" + data
            try:
                while data:
                    data = data[handle.write(data):]
                os.fsync(handle.fileno())
            except OSError:
                handle.truncate(size)  # the disk is full; half a line would be passed over with a warning for ever
                raise

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _settled_state(entry: Entry) -> str:
    return "rewritten" if "rewritten" in entry.inputs else "committed"


def _stands_after_erasure(standing: Entry, rows: int) -> bool:
    """Whether an erased person's neighbours have values that a rebuild without the person makes otherwise."""
    return rows == standing.rows and any(one.get("touches_others") for one in standing.inputs.get("rewritten", []))


def _refuse_erased(path: Path, name: str) -> None:
    """Nobody is published who was erased while the rows were made. Raises Held; costs a look when nobody was."""
    from pipelines.governance.tombstones import erased_in

    found = erased_in(path)
    if found:
        raise Held(name, [f"{found} of its subscribers were erased while it was made"], "run the same step again")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file so that a reader sees the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as out:
        out.write((json.dumps(value, indent=2, sort_keys=True, default=str) + "\n").encode())


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path`, whole, when the block ends well, and is gone when it does not.

    Its writer holds a lock on it: what a killed one left is not locked, and `sweep` removes it.
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with writing(path), _locked_new(beside, mode) as out:
        try:
            yield out
            out.flush()
            os.fsync(out.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the files that killed writers of `replacing` left in a folder; one that is being written stays."""
    for leftover in folder.glob(".*.tmp"):
        with suppress(FileNotFoundError, BlockingIOError), leftover.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises StorageFault, naming the path and the next step, when the disk refuses what the block writes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise StorageFault(
            f"{error.filename or path}: {os.strerror(error.errno)}. What was published stands and nothing half-written "
            f"is in sight; {_REFUSALS[error.errno]}, then run the same command again"
        ) from error


def _locked_new(path: Path, mode: int) -> BinaryIO:
    while True:
        out = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
        fcntl.flock(out, fcntl.LOCK_EX)
        if os.fstat(out.fileno()).st_nlink:
            return out
        out.close()  # a sweep came between the two lines above


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
