"""The stores that hold clear identifiers: landing, quarantine, vault. What is of others stays byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.estate import estate
from pipelines.governance import tombstones
from pipelines.governance.erasure.job import Change, Job
from pipelines.governance.erasure.matching import OF_INVOICE, Mask, matches, with_tokens
from pipelines.landing import raw, sealed
from pipelines.landing.contract import Feed, Form, Identifier
from pipelines.landing.control import Damaged, Drop
from pipelines.landing.reading import readings
from pipelines.landing.rereading import read_again
from pipelines.landing.senders import feed as sent_feed
from pipelines.landing.tokens import GLOBAL, LINKED, Tokens, normalised
from pipelines.landing.values import ARROW
from pipelines.publish import sha256, write_json
from pipelines.settings import settings

_MARKS = b" ()-.+\t\xa0\xc2\xe2\x80\x90\x91\x92\x93\x94\x95"  # what may stand inside a written number, in any encoding
_NEEDLES = 50  # more are not worth looking for one by one


def landing(job: Job) -> list[Change]:
    """Rewrite every dropped file that holds their rows, and its control file."""
    return [change for drop in _drops() if (change := _drop(job, drop)) is not None]


def _drops() -> Iterator[Drop]:
    for feed_id in estate().feeds:
        feed = sent_feed(feed_id)
        for folder in sorted((settings().landing / feed.source / feed.name).glob("dt=*")):
            with suppress(ValueError):
                drop = Drop(feed, date.fromisoformat(folder.name.removeprefix("dt=")))
                if drop.data.is_file() and not drop.data.is_symlink():
                    yield drop


def _drop(job: Job, drop: Drop) -> Change | None:
    if not set(LINKED) & {column.identifier for column in drop.feed.columns} or not _may_hold(job, drop.data):
        return None
    try:
        hit = _parquet_hits(job, drop) if drop.feed.form is Form.PARQUET else _text_hits(job, drop)
    except (Damaged, pa.ArrowInvalid, OSError):
        hit = None
    if hit is None:  # nobody can read it, and it holds one of their identifiers: the sender will have to send it again
        return _gone(job, "landing", drop.data)
    if not hit.any():
        return None
    rows = (len(hit), int((~hit).sum()))
    if job.dry:
        return job.changed("landing", drop.data, rows, None)
    beside = drop.data.with_name(f".{drop.data.name}.erasing.tmp")
    try:
        (_cut_parquet if drop.feed.form is Form.PARQUET else _cut_text)(drop, hit, beside)
        change = job.note(job.changed("landing", drop.data, rows, beside))
        tombstones.note_file(change.sha256_before, change.sha256_after)
        _put(drop, rows[1], beside)
    finally:
        beside.unlink(missing_ok=True)
    return change


def _put(drop: Drop, rows: int, beside: Path) -> None:
    """First the control file, with the rows and the digest of what is left: killed in between, the next run finds
    their rows again and comes here again. A day of nothing else is an empty one."""
    if rows:
        if drop.control.exists():
            said = json.loads(drop.control.read_bytes())
            write_json(drop.control, said | {"rows": rows, "sha256": sha256(beside)})
        os.replace(beside, drop.data)
        return
    if raw.dataset(drop.feed).entry({"dt": drop.dt.isoformat()}) is not None:
        drop.control.unlink(missing_ok=True)  # it has landed: nothing is waited for
    elif drop.control.exists():
        said = json.loads(drop.control.read_bytes())
        write_json(drop.control, said | {"rows": 0, "sha256": sha256(beside), "empty": True})
    drop.data.unlink()


def _gone(job: Job, store: str, path: Path) -> Change:
    change = job.note(job.changed(store, path, (1, 0), None))
    if not job.dry:
        path.unlink()
        path.with_name(f"{path.name}.ctl").unlink(missing_ok=True)
    return change


def _may_hold(job: Job, path: Path) -> bool:
    """Whether the bytes of a text can hold one of their identifiers; Parquet is read, for it is compressed."""
    needles = {value[-7:].encode() for values in job.clear.values() for value in values.values()}
    if path.suffix == ".parquet" or len(needles) > _NEEDLES or _lacks_clear(job):
        return True
    plain = path.read_bytes().translate(None, _MARKS)
    return any(needle.translate(None, _MARKS) in plain for needle in needles)


def _lacks_clear(job: Job) -> bool:
    """Whether the vault does not know every number and subscription: then every row must get its token."""
    have = {token for values in job.clear.values() for token in values}
    return any(stone.token not in have for stone in job.persons.stones if stone.kind in ("subscription", "msisdn"))


def _text_hits(job: Job, drop: Drop) -> Mask:
    with drop.data.open("rb") as handle:
        parts = [rows_of(job, drop.feed, reading.table) for reading in readings(drop.feed, handle)]
    return np.concatenate(parts)


def rows_of(job: Job, feed: Feed, clear: pa.Table) -> Mask:
    """Which rows, as they came, are of the erased. Tokens are made only of rows that hold one of their identifiers."""
    hit = np.zeros(clear.num_rows, dtype=np.bool_)
    maybe = np.flatnonzero(_candidates(job, feed, clear))
    if maybe.size:
        rows = clear.take(pa.array(maybe))
        hit[maybe] = matches(job.marks, feed, with_tokens(feed, rows, Tokens()), raw.event_days(feed, rows))
    return hit


def _candidates(job: Job, feed: Feed, clear: pa.Table) -> Mask:
    if _lacks_clear(job) or (job.marks.invoices and feed.shape in OF_INVOICE):
        return np.ones(clear.num_rows, dtype=np.bool_)
    hit = np.zeros(clear.num_rows, dtype=np.bool_)
    for column in feed.columns:
        if column.identifier in LINKED:
            hit |= _named(column.identifier, clear[column.name].combine_chunks(), _values(job, column.identifier))
    return hit


def _named(kind: Identifier, column: pa.Array, wanted: list[str]) -> Mask:
    """Which values are one of these identifiers. Only what is not written plainly is brought into its normal form:
    that costs a microsecond a row."""
    plain = pc.fill_null(pc.match_substring_regex(column, r"^\+?[1-9][0-9]*$"), True)
    found = pc.is_in(column, pa.array([*wanted, *(f"+{one}" for one in wanted)], pa.string()))
    hit: Mask = found.to_numpy(zero_copy_only=False).copy()
    odd = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
    if odd.size:
        rest = normalised(kind, column.take(pa.array(odd)))
        hit[odd] |= pc.is_in(rest, pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False)
    return hit


def _values(job: Job, kind: Identifier) -> list[str]:
    """Their clear identifiers of a kind, whoever's: a first sieve."""
    return sorted({value for (own, _), values in job.clear.items() if own is kind for value in values.values()})


def _parquet_hits(job: Job, drop: Drop) -> Mask:
    """By the columns that say whose a row is alone: a day-zero dump of use has tens of millions of rows."""
    feed = drop.feed
    wanted = [column for column in feed.sent if column.identifier in LINKED or column.name == feed.event_time
              or column.name == feed.operator_column or column.name in ("invoice_id", "bill_no")]
    parts = [np.zeros(0, dtype=np.bool_)]
    with drop.data.open("rb") as handle:
        for batch in pq.ParquetFile(handle).iter_batches(raw.ROW_GROUP, columns=[
                feed.dialect.sent(column.name) for column in wanted]):
            table = pa.table({
                column.name: _column(batch.column(feed.dialect.sent(column.name)), ARROW[column.type])
                for column in wanted
            })
            parts.append(rows_of(job, feed, table))
    return np.concatenate(parts)


def _column(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return pc.cast(array.dictionary_decode() if pa.types.is_dictionary(array.type) else array, kind, safe=False)


def _cut_text(drop: Drop, hit: Mask, beside: Path) -> None:
    """The lines as they are, without theirs: one row is one line, and an end of line is nothing else."""
    row = -1 if drop.feed.form is Form.CSV else 0  # its header
    with drop.data.open("rb") as source, beside.open("wb") as out:
        for line in source:
            if row < 0 or not hit[row]:
                out.write(line)
            row += 1
        out.flush()
        os.fsync(out.fileno())


def _cut_parquet(drop: Drop, hit: Mask, beside: Path) -> None:
    file = pq.ParquetFile(drop.data)
    codec = file.metadata.row_group(0).column(0).compression.lower()
    codec = "none" if codec == "uncompressed" else codec
    with pq.ParquetWriter(beside, file.schema_arrow, compression=codec) as writer:
        row = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            mine = hit[row:row + table.num_rows]
            row += table.num_rows
            kept = table.filter(pa.array(~mine)) if mine.any() else table
            if kept.num_rows:
                writer.write_table(kept, row_group_size=max(table.num_rows, 1))


# --- quarantine ------------------------------------------------------------------------------------------------------


def kept_out(job: Job) -> list[Change]:
    """Their bad rows leave the quarantine, and whole files that were refused and hold one of their identifiers."""
    changes = []
    for feed_id in estate().feeds:
        feed = sent_feed(feed_id)
        folder = settings().quarantine / feed.source / feed.name
        for path in sorted(folder.glob("dt=*/rows.*.jsonl")):
            changes += _bad_rows(job, feed, path)
        for path in sorted(folder.glob(f"dt=*/{feed.name}.*.{feed.form.value}")):
            if _names(job, path):
                changes.append(_gone(job, "quarantine", path))
    return changes


def _bad_rows(job: Job, feed: Feed, path: Path) -> list[Change]:
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    header = json.loads(path.with_suffix(".about.json").read_bytes())["header"]
    theirs = _lines_of(job, feed, header, rows)
    if not theirs:
        return []
    kept = [line for line, row in zip(path.read_bytes().splitlines(keepends=True), rows, strict=True)
            if row["line"] not in theirs]
    data = b"".join(kept)
    change = replace(job.changed("quarantine", path, (len(rows), len(kept)), None), sha256_after=_digest(data))
    job.note(change)
    if not job.dry:
        sealed.write(path, data)
    return [change]


def _lines_of(job: Job, feed: Feed, header: str | None, rows: Sequence[dict[str, Any]]) -> set[int]:
    """Lines of bad rows that are theirs: by the columns where they can be read, else by any of their identifiers."""
    ordered, reading, _ = read_again(feed, header, list(rows))
    found: set[int] = set()
    readable = reading.table.num_rows if reading is not None else 0
    if reading is not None:
        hit = rows_of(job, feed, reading.table)
        found = {ordered[place]["line"] for place in np.flatnonzero(hit)}
        named = [column.name for column in feed.columns if column.identifier in LINKED]
        nameless = [place for place in range(readable)
                    if any(reading.table[name][place].as_py() is None for name in named)]
        found |= {ordered[place]["line"] for place in nameless if _in_text(job, feed, ordered[place]["row"])}
    return found | {row["line"] for row in ordered[readable:] if _in_text(job, feed, row["row"])}


def _in_text(job: Job, feed: Feed, row: object) -> bool:
    return bool(_pattern(job, estate().feeds[feed.id].operator).search(str(row).encode()))


def _names(job: Job, path: Path) -> bool:
    """Whether a refused file holds one of their identifiers, as bytes or, where it is readable, as Parquet values."""
    pattern = _pattern(job, None)
    if path.suffix == ".parquet":
        with suppress(pa.ArrowInvalid, OSError):
            table = pq.ParquetFile(path).read()
            values = (str(value) for column in table.columns for value in column.unique().to_pylist())
            return any(pattern.search(value.encode()) for value in values)
    return bool(pattern.search(path.read_bytes()))


def _pattern(job: Job, operator: str | None) -> re.Pattern[bytes]:
    """Any of their identifiers, standing alone. `operator`: leave out ids that belong to another one."""
    words = {value for (kind, owner), values in job.clear.items() for value in values.values()
             if operator is None or kind in GLOBAL or owner == operator}
    if not words:
        return re.compile(rb"(?!)")
    return re.compile(rb"(?<![0-9A-Za-z])(?:" + b"|".join(re.escape(word.encode()) for word in sorted(words))
                      + rb")(?![0-9A-Za-z])")


# --- vault -----------------------------------------------------------------------------------------------------------


def vault(job: Job) -> list[Change]:
    """The vault forgets whom their tokens stand for. Last of the three: until then it says what to look for."""
    changes = []
    wanted = pa.array(sorted(job.tokens), pa.string())
    for segment in sorted(settings().vault.glob("*/*.parquet")):
        table = pq.read_table(segment, partitioning=None)
        kept = table.filter(pc.invert(pc.is_in(table["token"], wanted)))
        if kept.num_rows == table.num_rows:
            continue
        out = pa.BufferOutputStream()
        pq.write_table(kept, out, compression="zstd")
        data = out.getvalue().to_pybytes()
        change = job.changed("vault", segment, (table.num_rows, kept.num_rows), None)
        changes.append(job.note(replace(change, sha256_after=_digest(data))))
        if not job.dry:
            sealed.write(segment, data)
    return changes


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
