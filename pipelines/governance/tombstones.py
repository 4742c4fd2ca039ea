"""Tombstones: the tokens of those who were erased, so that no file that comes later can bring them back.

One sealed line a token in `tombstones/tombstones.jsonl`, only ever appended. A token is an HMAC of an identifier, so
the file names nobody; it is the one place below the home (beside the sealed part of the training ledger) where the
tokens of an erased person remain, and the list a restored backup is erased by again.

The door asks `spared` of every part of a drop. A subscription's token bars its rows for ever: a person who comes back
signs a new contract, whose id is new, and is then a new subscriber. Numbers are given to others after a while: a
number's token bars the days its erased holder had it, and from then on until another subscription is known to hold it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import IntegrityError
from pipelines.landing import sealed
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from pipelines.landing.contract import Feed
    from pipelines.landing.quarantine import Row
    from pipelines.landing.reading import Reading
    from pipelines.landing.tokens import Tokens

log = logging.getLogger(__name__)

KINDS = frozenset({"subscription", "account", "msisdn", "imsi", "invoice"})
TOKEN = re.compile(r"[0-9a-f]{32}")
PREFIX = "sub_"  # of a subscriber_id: this and the token of the subscription


@dataclass(frozen=True)
class Tombstone:
    """One token of an erased person. `start` and `end` (exclusive): the days of a number that were theirs; empty: none.

    `kind`: subscription, account (used by nobody else), msisdn, imsi, or invoice (of an account that others use too;
    under the key of accounts).
    """

    request: str
    erased_on: str
    kind: str
    token: str
    start: str = ""
    end: str = ""
    key: str = ""  # id of the linking key, once it was rotated


def path() -> Path:
    return settings().tombstones / "tombstones.jsonl"


def standing() -> tuple[Tombstone, ...]:
    """Every tombstone, in the order of erasure."""
    file = path()
    if not file.exists():
        return ()
    found = file.stat()
    return _read(file, found.st_mtime_ns, found.st_size)


def add(stones: Sequence[Tombstone]) -> int:
    """Set tombstones that do not stand yet; the file is replaced whole. Returns how many were new."""
    folder = sealed.folder(settings().tombstones, settings().tombstones)
    with sealed.lock(folder / ".lock"):
        before = standing()
        have = {(stone.kind, stone.token, stone.start, stone.end) for stone in before}
        new = [stone for stone in stones if (stone.kind, stone.token, stone.start, stone.end) not in have]
        if new:
            write([*before, *new])
    return len(new)


def write(stones: Sequence[Tombstone]) -> None:
    """Write the file whole: for `add`, and for a new linking key under which the same identifiers have new tokens."""
    sealed.folder(settings().tombstones, settings().tombstones)
    text = "".join(json.dumps(asdict(stone), sort_keys=True) + "\n" for stone in stones)
    sealed.write(path(), text.encode())


def read_file(file: Path) -> tuple[Tombstone, ...]:
    """Tombstones another home or an earlier day wrote out (`path()`'s own form). Raises IntegrityError by line."""
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            stone = Tombstone(**json.loads(line))
        except (ValueError, TypeError):
            stone = None
        if stone is None or stone.kind not in KINDS or not TOKEN.fullmatch(str(stone.token)):
            raise IntegrityError(f"{file}:{number}: not a tombstone; give the file that telco privacy tombstones wrote")
        found.append(stone)
    return tuple(found)


def note_file(before: str, after: str) -> None:
    """Remember that a dropped file with this sha256 is, without those who were erased, one with that sha256."""
    folder = sealed.folder(settings().tombstones, settings().tombstones)
    with sealed.lock(folder / ".lock"):
        known = _files()
        sealed.write(folder / "files.json", json.dumps({**known, after: known.get(before, before)}, indent=1).encode())


def before_erasure(sha256: str) -> str:
    """The sha256 a dropped file had before erasures; its own when none touched it."""
    return _files().get(sha256, sha256)


def _files() -> dict[str, str]:
    file = settings().tombstones / "files.json"
    found: dict[str, str] = json.loads(file.read_bytes()) if file.exists() else {}
    return found


def subscribers() -> frozenset[str]:
    """subscriber_ids of everyone who was erased."""
    return frozenset(PREFIX + stone.token for stone in standing() if stone.kind == "subscription")


def erased_in(file: Path) -> int:
    """How many rows of a Parquet file are of erased subscribers; 0 where it has no subscriber_id."""
    if not standing():
        return 0
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if "subscriber_id" not in pq.read_schema(file).names:
        return 0
    found = pq.read_table(file, columns=["subscriber_id"], partitioning=None)["subscriber_id"]
    return int(pc.sum(pc.is_in(found, pa.array(sorted(subscribers()), pa.string()))).as_py() or 0)


def spared(feed: Feed, rows: pa.Table, on: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_] | None:
    """Which rows of a part may come in; None when all may. `rows` have tokens, `on` are the days of their events."""
    stones = standing()
    if not stones:
        return None
    from pipelines.governance.erasure.matching import Marks, matches

    marks = Marks.of(stones)
    hit = matches(marks.without_new_holders(feed, rows), feed, rows, on)
    return None if not hit.any() else ~hit


def spared_bad(feed: Feed, reading: Reading, rows: list[Row], tokens: Tokens) -> list[Row]:
    """Those of a part's bad rows that may wait in quarantine. `rows` are of the lines that have faults, in order."""
    if not rows or not standing():
        return rows
    import pyarrow as pa

    from pipelines.governance.erasure.matching import with_tokens
    from pipelines.landing import raw

    at = pa.array([row["line"] - reading.first_line for row in rows], pa.int64())
    clear = reading.table.take(at)
    may = spared(feed, with_tokens(feed, clear, tokens), raw.event_days(feed, clear))
    return rows if may is None else [row for row, is_spared in zip(rows, may, strict=True) if is_spared]


@lru_cache(maxsize=2)
def _read(file: Path, changed_ns: int, size: int) -> tuple[Tombstone, ...]:
    return tuple(Tombstone(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines())
