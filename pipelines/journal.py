"""Append-only logs of JSON lines: what stands in one was whole on the disk, and is never changed."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors import IntegrityError

log = logging.getLogger(__name__)


def read(path: Path) -> list[dict[str, Any]]:
    """Every line in the order of appending; none where there is no file. IntegrityError when one is unreadable.

    A last line without its end was cut by a kill and never counted: it is passed over.
    """
    if not path.exists():
        return []
    whole, _, cut = path.read_bytes().rpartition(b"\n")
    if cut:
        log.warning("%s: the last line was cut by a kill and never counted; it is passed over", path)
    return [_fields(path, number, text) for number, text in enumerate(whole.splitlines(), start=1)]


def append(path: Path, fields: Mapping[str, Any]) -> None:
    """Append one line and put it on disk. The caller holds the lock (`locked`)."""
    with path.open("a+b") as handle:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):  # only a line that was never finished: it counted for nobody
            os.ftruncate(handle.fileno(), whole)
        handle.write(json.dumps(fields, sort_keys=True).encode() + b"\n")
        handle.flush()
        os.fsync(handle.fileno())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One writer of a log at a time, among the processes of this machine; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.stem}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def unreadable(path: Path, number: int, why: object) -> IntegrityError:
    return IntegrityError(f"{path}:{number}: unreadable line ({why}); restore the file from a backup")


def _fields(path: Path, number: int, text: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise unreadable(path, number, error) from None
