"""A drop and its control file: where they lie, and what the sender says of the data before anyone reads it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.landing.contract import Feed
from pipelines.settings import settings

_NEEDED: dict[str, type] = {
    "feed": str, "dt": str, "rows": int, "sha256": str, "schema_version": int, "produced_at": str,
}
_OPTIONAL: dict[str, type] = {"empty": bool, "day_zero": bool, "volume_confirmed": bool}
_MAX_CONTROL_BYTES = 64 * 1024
CLOCK_SKEW = timedelta(minutes=5)  # clocks that are set over a network differ by less
_LAST_YEAR = 2262  # the last that fits nanoseconds in 64 bits; later is no clock's


class Damaged(Exception):
    """A drop cannot be taken; carries the reasons. The door turns it into a quarantined, rejected file."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


@dataclass(frozen=True)
class Control:
    """What the sender says: rows, digest, when it was produced (UTC), whether the day is empty or all of history, and
    whether a person confirms that the number of rows is as unusual as it looks."""

    rows: int
    sha256: str
    produced_at: datetime
    empty: bool = False
    day_zero: bool = False
    volume_confirmed: bool = False

    def clock_warnings(self, now: datetime) -> list[str]:
        """What is wrong with the clocks, when the drop was produced later than it arrived. The drop is taken: which of
        the two clocks is wrong the door cannot know, and rows from the future are its checks' to quarantine."""
        ahead = self.produced_at - now
        if ahead <= CLOCK_SKEW:
            return []
        return [f"clock skew: produced at {self.produced_at:%F %H:%M:%S} UTC, {ahead.total_seconds() / 60:.0f} minutes "
                f"after it arrived ({now:%F %H:%M:%S} UTC): the sender's clock is ahead or ours is behind; deadlines "
                f"and the day a correction is known from go by them. Set the clocks (NTP)"]


@dataclass(frozen=True)
class Seen:
    """A data file as it was when its digest was taken."""

    sha256: str
    size: int = 0
    mark: tuple[int, int] = (0, 0)  # inode and time of the last change

    def same(self, handle: BinaryIO) -> bool:
        """Whether the open file is still the one the digest was taken of."""
        found = os.fstat(handle.fileno())
        return (found.st_size, (found.st_ino, found.st_mtime_ns)) == (self.size, self.mark)


@dataclass(frozen=True)
class Drop:
    """One feed's files of one day below landing/, there or not."""

    feed: Feed
    dt: date

    @property
    def data(self) -> Path:
        return settings().landing / self.feed.source / self.feed.name / f"dt={self.dt}" / self.feed.file_name

    @property
    def control(self) -> Path:
        return self.data.with_name(self.data.name + ".ctl")

    @property
    def name(self) -> str:
        return f"{self.feed.id} dt={self.dt}"

    def missing(self) -> str | None:
        """Why the drop has not arrived in full, or None. The control file is written last by its sender."""
        if not self.control.exists():
            return "no control file" if self.data.exists() else "nothing was delivered"
        try:
            if not self.read_control().empty and not self.data.exists():
                return "a control file without its data file"
        except Damaged:
            return None
        return None

    def read_control(self) -> Control:
        """The control file, checked against the folder it lies in. Raises Damaged naming every disagreement."""
        try:
            with open_inside(self.control) as handle:
                text = handle.read(_MAX_CONTROL_BYTES + 1)
            if len(text) > _MAX_CONTROL_BYTES:
                raise Damaged(f"control file is larger than {_MAX_CONTROL_BYTES} bytes")
            said = json.loads(text)
        except (ValueError, RecursionError):  # also a number of more digits than Python converts
            raise Damaged("control file is not JSON in UTF-8") from None
        if not isinstance(said, dict):
            raise Damaged("control file is not a JSON object")
        wrong = [*_ill_typed(said), *_impossible(said), *self._disagreements(said)]
        try:
            produced_at = datetime.fromisoformat(str(said.get("produced_at")))
            if produced_at.utcoffset() is None or produced_at.utcoffset() or produced_at.year > _LAST_YEAR:
                raise ValueError
        except ValueError:
            wrong.append("control file: produced_at is not an instant such as 2026-08-02T01:00:00Z")
        if wrong:
            raise Damaged(*wrong)
        return Control(
            rows=said["rows"], sha256=said["sha256"].lower(), produced_at=produced_at,
            empty=said.get("empty", False), day_zero=said.get("day_zero", False),
            volume_confirmed=said.get("volume_confirmed", False),
        )

    def see(self) -> Seen:
        """The data file's digest and size. Raises Damaged for a symbolic link or a file beyond the cap."""
        from expectations.thresholds import MAX_FILE_BYTES

        with open_inside(self.data) as handle:
            found = os.fstat(handle.fileno())
            if found.st_size > MAX_FILE_BYTES:
                raise Damaged(f"the file has {found.st_size} bytes, more than the {MAX_FILE_BYTES} a drop may have")
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return Seen(digest, found.st_size, (found.st_ino, found.st_mtime_ns))

    def _disagreements(self, said: dict[str, Any]) -> list[str]:
        expected = {"feed": self.feed.id, "dt": self.dt.isoformat(), "schema_version": self.feed.schema_version}
        wrong = [
            f"control file: {name} is {said[name]!r}, this folder and contract want {value!r}"
            for name, value in expected.items() if name in said and said[name] != value
        ]
        if said.get("empty") is True and (said.get("rows") != 0 or self.data.exists()):
            wrong.append("control file: empty is true, and there are rows or a data file beside it")
        return wrong


def _ill_typed(said: dict[str, Any]) -> list[str]:
    wrong = [f"control file: {name} is missing" for name in _NEEDED if name not in said]
    for name, kind in {**_NEEDED, **_OPTIONAL}.items():
        if name in said and type(said[name]) is not kind:
            wrong.append(f"control file: {name} is not {kind.__name__}")
    return wrong


def _impossible(said: dict[str, Any]) -> list[str]:
    """A count no drop can have; one of 400 digits does not even fit a float."""
    from expectations.thresholds import MAX_ROWS

    if type(said.get("rows")) is int and not 0 <= said["rows"] <= MAX_ROWS:
        return [f"control file: rows is not within 0 and {MAX_ROWS}"]
    return []


def open_inside(path: Path) -> BufferedReader:
    """Open a file of its own inside landing/ for reading.

    A symbolic link, on the file or on a folder above it, could point anywhere, and a pipe would be waited for: Damaged.
    """
    landing = settings().landing
    # Inside landing/ a link would show one drop as another's.
    if path.is_symlink() or path.resolve() != landing.resolve() / path.relative_to(landing):
        raise Damaged(f"{path.name} is a symbolic link or lies outside the landing folder")
    try:
        # O_NOFOLLOW: between the look above and this line the file may have become a link.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Damaged(f"{path.name} cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Damaged(f"{path.name} is not a file")
    return os.fdopen(handle, "rb")
