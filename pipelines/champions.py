"""The champion log: which version is in force from which as_of, one append-only file per model.

Lines are appended and never changed. The version in force at D is the LAST APPENDED line whose `from_as_of` is not
after D. So a line dated D supersedes every earlier line dated D or later, which is all a rollback needs, and nights
before D keep the version they were scored with.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from pipelines.clock import parse_day
from pipelines.errors import IntegrityError
from pipelines.settings import settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """One line of the log. `sha256` is that of the version's bundle.json; what is loaded must match it."""

    model: str
    version: int
    from_as_of: date
    sha256: str
    reason: str = ""


def in_force(model: str, as_of: date) -> Champion | None:
    """The champion that scores night `as_of`, or None."""
    standing = None
    for champion in history(model):
        if champion.from_as_of <= as_of:
            standing = champion
    return standing


def history(model: str) -> list[Champion]:
    """Every line in the order of appending. IntegrityError when a line is unreadable: guessing would be a decision."""
    path = log_of(model)
    if not path.exists():
        return []
    whole, _, cut = path.read_bytes().rpartition(b"\n")
    if cut:
        log.warning("champion log %s: the last line was cut by a kill and never counted; it is passed over", path)
    return [_line(path, number, text) for number, text in enumerate(whole.splitlines(), start=1)]


def enter(model: str, version: int, from_as_of: date, sha256: str, *, reason: str) -> Champion:
    """Append one line and put it on disk. The standing last line again is a no-op, so a retry makes no double."""
    champion = Champion(model, version, from_as_of, sha256, reason)
    path = log_of(model)
    with locked(model):
        standing = history(model)
        if standing and (standing[-1].version, standing[-1].from_as_of, standing[-1].sha256) == (
            version, from_as_of, sha256,
        ):
            return standing[-1]
        line = json.dumps({**asdict(champion), "from_as_of": from_as_of.isoformat()}, sort_keys=True)
        with path.open("a+b") as handle:
            _drop_cut_line(handle.fileno(), path)
            handle.write(line.encode() + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
    log.info("champion model=%s version=%d from=%s: %s", model, version, from_as_of, reason)
    return champion


def log_of(model: str) -> Path:
    return settings().champions / f"{model}.jsonl"


@contextmanager
def locked(model: str) -> Iterator[None]:
    """One writer of a model's log at a time, among the processes of this machine."""
    settings().champions.mkdir(parents=True, exist_ok=True)
    with (settings().champions / f".{model}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _line(path: Path, number: int, text: bytes) -> Champion:
    try:
        fields = json.loads(text)
        return Champion(**{**fields, "version": int(fields["version"]), "from_as_of": parse_day(fields["from_as_of"])})
    except (ValueError, TypeError, KeyError) as error:
        raise IntegrityError(f"{path}:{number}: unreadable line ({error}); restore the file from a backup") from None


def _drop_cut_line(descriptor: int, path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):  # only a line that was never finished: it was in force for nobody
        os.ftruncate(descriptor, whole)
