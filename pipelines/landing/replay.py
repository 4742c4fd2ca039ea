"""Quarantined rows, let in after a fix: read again by the contract, checked again, published as a correction.

The new version of the drop holds the standing version's rows and the rescued ones, because a version replaces the one
before it. It is known from the day after `on`, so no night that is published changes.

Order of a replay: what is about to be marked is written beside (`.replaying.json`), the version is published with the
digest of the rescued rows in its manifest entry, and one rename makes the mark stand. Killed in between, the next
replay finds the digest in the manifest and only marks, or does not find it and starts over.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.clock import DAY
from pipelines.errors import Held, UsageError
from pipelines.governance import tombstones
from pipelines.governance.erasure.matching import with_tokens
from pipelines.landing import quarantine, raw, sealed
from pipelines.landing.contract import Feed
from pipelines.landing.control import Drop
from pipelines.landing.frames import Piece, check_parts, spread
from pipelines.landing.quarantine import Row
from pipelines.landing.reading import Reading
from pipelines.landing.rereading import read_again
from pipelines.landing.senders import feed as sent_feed
from pipelines.landing.tokens import Tokens
from pipelines.publish import Entry
from pipelines.settings import settings

log = logging.getLogger(__name__)

IN_THE_DROP = "its key is in the drop already"
ERASED = "its subscriber was erased"


@dataclass(frozen=True)
class Replayed:
    """What became of the waiting rows of a drop. `version` and `known_on` are None when nothing could be let in."""

    feed: str
    dt: date
    rescued: int
    waiting: int
    reasons: dict[str, int]
    version: int | None = None
    known_on: date | None = None


@dataclass(frozen=True)
class _Judged:
    """Waiting rows after a second look: the reading, and by position in it what speaks against a row."""

    rows: list[Row]
    reading: Reading | None
    reasons: dict[int, list[str]]

    def good(self) -> list[int]:
        return [position for position in range(len(self.rows)) if position not in self.reasons]


def replay(feed_id: str, dt: date, on: date, *, file: Path | None = None) -> Replayed:
    """Let in the waiting rows of a drop that pass now; `on` is the day it is done. Replaying again changes nothing.

    `file`: JSON lines like those of the quarantine, with rows edited by hand; only the lines it names are tried.
    Raises Held when there is nothing to publish a correction of, when the landed file was replaced meanwhile, or when
    a check crashes; UsageError for a file that names other lines than those that wait.
    """
    drop = Drop(sent_feed(feed_id), dt)
    raw.dataset(drop.feed).repair()
    _standing(drop)
    with _alone(drop):
        standing = _standing(drop)
        path = quarantine.directory(drop) / f"rows.{raw.drops(standing)[-1]['sha256'][:12]}.jsonl"
        if not path.exists():
            _nothing_to_replay(drop)
            return Replayed(feed_id, dt, 0, 0, {})
        _finish(path, standing)
        kept = quarantine.waiting_rows(_kept(drop, path))
        tried = kept if file is None else _edited(file, kept)
        tokens = Tokens()
        judged = _judge(drop, path, standing, tried, tokens)
        return _let_in(drop, path, standing, kept, judged, on, tokens)


def _let_in(
    drop: Drop, path: Path, standing: Entry, kept: Sequence[Row], judged: _Judged, on: date, tokens: Tokens
) -> Replayed:
    good = judged.good()
    marked = quarantine.marks(path)
    news = {str(judged.rows[position]["line"]): why for position, why in judged.reasons.items()}
    if not good:
        if news:
            _mark(path, {**marked, "reasons": {**marked["reasons"], **news}})
        return _told(drop, path, 0)
    rescued = [judged.rows[position] for position in good]
    version, known_on = raw.next_version(drop.dt, standing, on)
    digest = hashlib.sha256(json.dumps([[row["line"], row["row"]] for row in rescued]).encode()).hexdigest()
    lines = [row["line"] for row in rescued]
    done = {"on": on.isoformat(), "version": version, "known_on": known_on.isoformat(), "rows": digest, "lines": lines}
    reasons = {line: why for line, why in {**marked["reasons"], **news}.items() if int(line) not in set(lines)}
    sealed.write(_prepared(path), _json({"replays": [*marked["replays"], done], "reasons": reasons}))
    stamp = raw.Stamp(drop.dt, version, known_on)
    _publish(drop, standing, stamp, _raw_rows(drop.feed, judged, good, stamp, tokens),
             {"rows": digest, "count": len(rescued)}, len(kept) - len(rescued), tokens)
    os.replace(_prepared(path), _marking(path))
    log.info("replayed %s rescued=%d waiting=%d version=%d known_on=%s", drop.name, len(rescued),
             len(kept) - len(rescued), version, known_on)
    return _told(drop, path, len(rescued), version, known_on)


def _told(drop: Drop, path: Path, rescued: int, version: int | None = None, known_on: date | None = None) -> Replayed:
    one = _kept(drop, path)
    return Replayed(drop.feed.id, drop.dt, rescued, one.count, one.reasons, version, known_on)


def _kept(drop: Drop, path: Path) -> quarantine.Kept:
    return next(one for one in quarantine.kept(drop.feed.id, drop.dt) if one.path == path)


def _standing(drop: Drop) -> Entry:
    entry = raw.dataset(drop.feed).entry({"dt": drop.dt.isoformat()})
    if entry is None or entry.state != "committed":
        _nothing_to_replay(drop)
        raise Held(drop.name, ["nothing of this drop is published, so there is nothing to correct"],
                   f"land it: telco land --as-of {drop.dt + DAY}")
    return entry


def _nothing_to_replay(drop: Drop) -> None:
    """Say so when what waits is no row but a whole file: that one goes through the door again."""
    files = [one for one in quarantine.kept(drop.feed.id, drop.dt) if one.kind == "file" and one.state == "waiting"]
    if files:
        raise Held(drop.name, ["a whole file waits, and no rows: " + "; ".join(files[-1].reasons)],
                   f"after the fix land it again: telco land --as-of {drop.dt + DAY}; it still lies in landing/ until "
                   "its sender replaces it, and in quarantine/ beside its reason")


def _finish(path: Path, standing: Entry) -> None:
    """Settle what a killed replay left: mark what was published, forget what was not."""
    prepared = _prepared(path)
    if not prepared.exists():
        return
    digest = json.loads(prepared.read_bytes())["replays"][-1]["rows"]
    if any(drop.get("replayed", {}).get("rows") == digest for drop in raw.drops(standing)):
        os.replace(prepared, _marking(path))
    else:
        prepared.unlink()


def _edited(file: Path, kept: Sequence[Row]) -> list[Row]:
    """Rows from a file edited by hand. Raises UsageError for what is not a row that waits."""
    waiting = {row["line"]: row for row in kept}
    rows: list[Row] = []
    for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            line, row = (said := json.loads(text))["line"], said["row"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(f'{file}, line {number}: not an object with "line" and "row"') from None
        if line not in waiting or type(row) is not type(waiting[line]["row"]) or "\n" in str(row):
            raise UsageError(f"{file}, line {number}: line {line} of the drop does not wait in this form. Start from "
                             "`telco quarantine show FEED DT --clear`")
        rows.append({**waiting.pop(line), "row": row})
    return rows


# --- what touches the door: one function each ------------------------------------------------------------------------


def _judge(drop: Drop, path: Path, standing: Entry, rows: list[Row], tokens: Tokens) -> _Judged:
    """Read and check rows as the door does, and look for their keys among the rows that are in. Raises Held."""
    header = json.loads(path.with_suffix(".about.json").read_bytes())["header"]
    rows, reading, unreadable = read_again(drop.feed, header, rows)
    if reading is None:
        return _Judged(rows, None, unreadable)
    piece = Piece.of(drop.feed, drop.dt, reading)
    if piece.sound.size:
        findings = check_parts(drop.feed, [piece])
        if findings.crashed:
            raise Held(drop.name, [f"check crashed, so nothing is known: {crash}" for crash in findings.crashed],
                       "mend the check in expectations/raw.py and replay again; the rows wait where they were")
        everything = np.arange(reading.table.num_rows, dtype=np.int64)
        reading.faults.found.extend((reason, everything) for reason in findings.rejected)
        spread(findings, [piece])
    judged = _Judged(rows, reading, {**quarantine.reasons_by_row(reading), **unreadable})
    good = judged.good()
    clear = reading.table.take(pa.array(good, pa.int64()))
    may = tombstones.spared(drop.feed, with_tokens(drop.feed, clear, tokens), raw.event_days(drop.feed, clear))
    if may is not None:
        judged = _Judged(rows, reading, {**judged.reasons, **{good[at]: [ERASED] for at in np.flatnonzero(~may)}})
        good = judged.good()
    taken = _already_in(drop.feed, standing, _raw_rows(drop.feed, judged, good, raw.Stamp(drop.dt, 0, drop.dt), tokens))
    return _Judged(rows, reading, {**judged.reasons, **{good[at]: [IN_THE_DROP] for at in taken}})


def _raw_rows(feed: Feed, judged: _Judged, good: Sequence[int], stamp: raw.Stamp, tokens: Tokens) -> pa.Table:
    """Rows by position, as raw/ has them. The vault of a feed that defines identifiers learns theirs."""
    if judged.reading is None or not good:
        return raw.schema(feed).empty_table()
    clear = judged.reading.table.take(pa.array(good, pa.int64()))
    if feed.vault and stamp.version:
        for (kind, operator), values in raw.clear_identifiers(feed, clear):
            tokens.keep(kind, operator, values, f"{feed.id}.dt={stamp.dt}.v{stamp.version}")
    return raw.stamped(feed, raw.tokenised(feed, clear, tokens), raw.event_days(feed, clear), stamp)


def _already_in(feed: Feed, standing: Entry, rows: pa.Table) -> list[int]:
    """Positions of rows whose key the standing version of the drop has."""
    names = [raw.raw_name(feed.column(name)) or "" for name in feed.key]
    dataset = raw.dataset(feed)
    wanted = _keys(rows, names)
    found: set[tuple[Any, ...]] = set()
    for table in _version(dataset.verify(standing.key), raw.drops(standing)[-1]["version"]):
        hit = pc.is_in(table[names[0]], rows[names[0]].combine_chunks().unique())
        found |= set(_keys(table.filter(hit), names)) & set(wanted)
    return [position for position, key in enumerate(wanted) if key in found]


def _keys(table: pa.Table, names: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _version(path: Path, version: int) -> Iterator[pa.Table]:
    """The rows of one version of a raw partition, in parts."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=raw.ROW_GROUP):
        table = pa.Table.from_batches([batch])
        yield table.filter(pc.equal(table["drop_version"], version))


def _publish(
    drop: Drop, standing: Entry, stamp: raw.Stamp, rescued: pa.Table, replayed: dict[str, Any], waiting: int,
    tokens: Tokens,
) -> Entry:
    """Publish the partition with one more version: the rows of the one before, and the rescued ones."""
    feed, dataset = drop.feed, raw.dataset(drop.feed)
    last = raw.drops(standing)[-1]
    accepted = {
        **last, "version": stamp.version, "rows": last["rows"] + rescued.num_rows, "quarantined": waiting,
        "known_on": stamp.known_on.isoformat(), "replayed": replayed,
    }

    def write(path: Path) -> int:
        if dataset.entry(standing.key) != standing:
            raise Held(drop.name, ["it was landed anew while its rows were checked"], "replay again")
        live = dataset.verify(standing.key)
        with closing(raw.Writer(path, raw.schema(feed))) as writer:
            writer.copy(live)
            for table in _version(live, last["version"]):
                writer.add(_restamped(table, stamp))
            writer.add(rescued)
        return writer.rows

    key_ids = {kind.value: tokens.key_id(kind) for kind in raw.identifiers(feed)}
    return dataset.publish(standing.key, write, known_on=stamp.known_on, frozen=False,
                           inputs={"drops": [*raw.drops(standing), accepted], "key_ids": key_ids})


def _restamped(table: pa.Table, stamp: raw.Stamp) -> pa.Table:
    """Rows of one version as rows of the next: nothing of its knowledge date is assumed any more."""
    new = {"drop_version": stamp.version, "known_on": stamp.known_on, "is_known_assumed": False}
    for name, value in new.items():
        at = table.schema.get_field_index(name)
        field = table.schema.field(at)
        table = table.set_column(at, field, pa.repeat(pa.scalar(value, field.type), table.num_rows))
    return table


# --- marks -----------------------------------------------------------------------------------------------------------


def _mark(path: Path, marked: dict[str, Any]) -> None:
    sealed.write(_marking(path), _json(marked))


def _marking(path: Path) -> Path:
    return path.with_suffix(".replayed.json")


def _prepared(path: Path) -> Path:
    return path.with_suffix(".replaying.json")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _alone(drop: Drop) -> AbstractContextManager[None]:
    """One replay of a drop at a time; a second one waits, and then finds nothing left to do."""
    return sealed.lock(sealed.folder(quarantine.directory(drop), settings().quarantine) / ".replay.lock")
