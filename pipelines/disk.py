"""What a disk can do to a write: files that appear whole or not at all, and its refusals as errors a person reads."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import TelcoError

_NEXT = {
    errno.ENOSPC: "free space or inodes on that disk",
    errno.EDQUOT: "free space, or have the quota raised",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "mount it for writing",
    errno.EACCES: "let this user write there",
    errno.EPERM: "let this user write there",
    errno.EIO: "check the disk",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


class DiskRefused(TelcoError):
    """A write did not succeed; nothing half written is left, and what was published stands."""


def refusal(error: OSError, path: Path | str | None = None) -> DiskRefused | None:
    """The error as a sentence with its path and the next step; None for one that is no refusal of the disk."""
    if error.errno not in _NEXT:
        return None
    where = error.filename if isinstance(error.filename, str) else path or "the state of this home"
    return DiskRefused(f"{where}: {os.strerror(error.errno)}. What was published stands. Next: {_NEXT[error.errno]}, "
                       "then run the same command again")


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Raises DiskRefused, naming `path` where the system names none, for what the disk refuses within."""
    try:
        yield
    except OSError as error:
        said = refusal(error, path)
        if said is None:
            raise
        raise said from error


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` once it is whole: a reader sees the old one or the new one.

    Removes what killed writers of `path` left. Raises DiskRefused.
    """
    with refusals(path):
        sweep(path.parent, f".{glob.escape(path.name)}.*.tmp")
        beside, handle = _locked(path, mode)
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
                os.replace(beside, path)  # before it is closed: without its lock it may be swept away
        finally:
            beside.unlink(missing_ok=True)


def sweep(folder: Path, pattern: str = ".*.tmp") -> None:
    """Remove files of `replacing` whose writer is gone: a lock ends with its process."""
    for left in folder.glob(pattern):
        try:
            with left.open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink(missing_ok=True)
        except (FileNotFoundError, BlockingIOError):
            continue


def _locked(path: Path, mode: int) -> tuple[Path, int]:
    while True:
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return beside, handle
        os.close(handle)  # swept away between the two calls
