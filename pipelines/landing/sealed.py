"""Folders and files that hold clear identifiers: 0700 and 0600 from their first byte, replaced whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pipelines.publish import replacing, writing


def folder(path: Path, root: Path) -> Path:
    """Make `path` below `root` with every level of it, `root` included, closed to others."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for level in (path, *path.parents):
            level.chmod(0o700)
            if level == root:
                return path
    raise ValueError(f"{path} does not lie below {root}")


def write(path: Path, data: bytes | memoryview) -> None:
    """Write a 0600 file so that a reader sees the old one or the new one, never half."""
    copy(BytesIO(data), path)


def copy(source: BinaryIO, path: Path) -> None:
    """Copy an open file to a 0600 file, whole or not at all."""
    with replacing(path, 0o600) as out:
        shutil.copyfileobj(source, out, 2**20)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file of its own; others wait."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
