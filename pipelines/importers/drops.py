"""Landing files from tables: the data file in its feed's form and the control file that vouches for it.

Text is made column by column in Arrow: the data of a string array of whole lines is the file (1M rows of nine columns
in 0.4 s; `csv.writer` and `json.dumps` took 4 and 9 s). A drop may be written in pieces, so that a dump of years never
has to fit into memory.
"""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.clock import DAY
from pipelines.estate import estate
from pipelines.landing.contract import Feed, Form, Type
from pipelines.settings import settings

ARROW = {
    Type.STRING: pa.string(), Type.INTEGER: pa.int64(), Type.DOUBLE: pa.float64(), Type.BOOLEAN: pa.bool_(),
    Type.DATE: pa.date32(), Type.LOCAL_TIME: pa.timestamp("s"), Type.INSTANT: pa.timestamp("us"),
    Type.DECIMAL: pa.decimal128(18, 4),
}
GROUP_ROWS = 100_000  # small pieces wait until they are worth a row group, or a stretch of text


def schema(feed: Feed) -> pa.Schema:
    """The Arrow schema a table needs before it can be dropped; local times are naive, instants naive UTC."""
    return pa.schema([pa.field(column.name, ARROW[column.type], column.nullable) for column in feed.columns])


def write_drop(feed: Feed, dt: date, table: pa.Table, *, day_zero: bool = False) -> int:
    """Write one drop below `settings().landing` and return its rows; no rows leaves a control file saying so.

    The bytes depend on the arguments and the estate's encoding alone: `produced_at` is 01:00 UTC of the day after,
    whatever the clock says.
    """
    drop = OpenDrop(feed, dt, day_zero=day_zero)
    drop.add(table)
    return drop.close()


class OpenDrop:
    """One drop being written: pieces are added in order, `close` ends the file and writes its control file.

    A piece has the feed's columns; strings may be dictionaries, whole numbers integers of any width, and decimals of
    any scale up to the contract's.
    """

    def __init__(self, feed: Feed, dt: date, *, day_zero: bool = False) -> None:
        self._feed, self._dt, self._day_zero = feed, dt, day_zero
        self._folder = settings().landing / feed.source / feed.name / f"dt={dt:%Y-%m-%d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path = self._folder / feed.file_name
        self._encoding = _encoding(feed)
        self._rows = 0
        self._file: _Hashed | None = None
        self._parquet: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Append rows."""
        if not table.num_rows:
            return
        self._rows += table.num_rows
        self._waiting.append(_ordered(self._feed, table))
        if sum(piece.num_rows for piece in self._waiting) >= GROUP_ROWS:
            self._flush()

    def close(self) -> int:
        """Finish the file, write its control file, return the rows."""
        control: dict[str, object] = {
            "feed": self._feed.id, "dt": self._dt.isoformat(), "rows": self._rows,
            "schema_version": self._feed.schema_version, "produced_at": f"{self._dt + DAY:%Y-%m-%d}T01:00:00Z",
        }
        if self._day_zero:
            control["day_zero"] = True
        self._flush()
        if self._parquet is not None:
            self._parquet.close()
        if self._file is not None:
            control["sha256"] = self._file.finish()
        else:
            self._path.unlink(missing_ok=True)
            control |= {"empty": True, "sha256": sha256(b"").hexdigest()}
        # The control file goes last: whoever sees it sees the whole data file.
        beside = self._path.with_name(self._path.name + ".ctl")
        beside.write_text(json.dumps(control, sort_keys=True) + "\n", encoding="utf-8")
        return self._rows

    def _flush(self) -> None:
        if not self._waiting:
            return
        whole = pa.concat_tables(self._waiting).unify_dictionaries() if len(self._waiting) > 1 else self._waiting[0]
        self._waiting = []
        if self._feed.form is Form.PARQUET:
            self._write_group(whole)
        else:
            self._write_lines(whole.combine_chunks())

    def _write_group(self, whole: pa.Table) -> None:
        if self._parquet is None:
            self._file = _Hashed(self._path)
            self._parquet = pq.ParquetWriter(
                self._file, whole.schema, compression="zstd", compression_level=1, store_schema=False,
                # Numbers of subscribers repeat once a day: a dictionary of them would be the column again.
                use_dictionary=[field.name for field in whole.schema if field.name not in self._feed.key],
            )
        self._parquet.write_table(whole)

    def _write_lines(self, whole: pa.Table) -> None:
        if self._file is None:
            self._file = _Hashed(self._path)
            if self._feed.form is Form.CSV:
                self._file.write((";".join(c.name for c in self._feed.columns) + "\n").encode(self._encoding))
        text = csv_lines if self._feed.form is Form.CSV else json_lines
        for start in range(0, whole.num_rows, GROUP_ROWS):
            lines = text(self._feed, whole.slice(start, GROUP_ROWS))
            self._file.write(lines if self._encoding == "utf-8" else bytes(lines).decode().encode(self._encoding))


class _Hashed:
    """A file that knows the digest of what was written to it."""

    def __init__(self, path: Path) -> None:
        self._handle: BinaryIO = path.open("wb")
        self._digest = sha256()
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
        self._digest.update(data)
        return self._handle.write(data)

    def finish(self) -> str:
        self._handle.close()
        self.closed = True
        return self._digest.hexdigest()

    def tell(self) -> int:
        return self._handle.tell()

    def flush(self) -> None:
        self._handle.flush()

    def close(self) -> None:
        """Called by the Parquet writer, which did not open the file; `finish` closes it."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def csv_lines(feed: Feed, table: pa.Table) -> memoryview:
    """`;` separated lines in UTF-8: `true`/`false`, ISO dates, empty for null, quotes only where a value needs them."""
    columns = [pc.fill_null(_csv_text(_written(table[column.name], column.type)), "") for column in feed.columns]
    return _text(pc.binary_join_element_wise(*columns[:-1], pc.binary_join_element_wise(columns[-1], "", "\n"), ";"))


def json_lines(feed: Feed, table: pa.Table) -> memoryview:
    """One object a line, keys in the contract's order, instants as `YYYY-MM-DDTHH:MM:SSZ`, decimals as numbers."""
    parts: list[pa.Array | str] = []
    for number, column in enumerate(feed.columns):
        parts.append(("{" if number == 0 else ", ") + json.dumps(column.name, ensure_ascii=False) + ": ")
        text = _written(table[column.name], column.type)
        if column.type in (Type.STRING, Type.DATE, Type.LOCAL_TIME, Type.INSTANT):
            escaped = _escaped(text) if column.type is Type.STRING else text
            text = pc.binary_join_element_wise('"', escaped, '"', "")
        parts.append(pc.fill_null(text, "null"))
    return _text(pc.binary_join_element_wise(*parts, "}\n", ""))


def _encoding(feed: Feed) -> str:
    """What the estate declares; JSON lines are UTF-8 by their standard."""
    facts = estate().feeds.get(feed.id)
    return facts.encoding if facts is not None and feed.form is Form.CSV else "utf-8"


def _ordered(feed: Feed, table: pa.Table) -> pa.Table:
    """The feed's columns in its order; Parquet has the contract's types, text is made of what is there.

    Dictionaries of strings stay: they are what Parquet writes anyway.
    """
    columns = []
    for field in schema(feed):
        found = table[field.name]
        keep = feed.form is not Form.PARQUET or pa.types.is_dictionary(found.type)
        columns.append(found if keep else found.cast(field.type))
    return pa.table(columns, names=[column.name for column in feed.columns])


def _written(values: pa.ChunkedArray, kind: Type) -> pa.Array:
    """The contract's text of a column; nulls stay null."""
    array = values.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if kind is Type.INSTANT or kind is Type.LOCAL_TIME:
        text = array.cast(pa.timestamp("s")).cast(pa.string())
        return pc.binary_join_element_wise(pc.utf8_replace_slice(text, 10, 11, "T"), "Z", "") \
            if kind is Type.INSTANT else text
    if kind is Type.DATE:
        array = array.cast(pa.date32())
    return array.cast(pa.string())


def _csv_text(text: pa.Array) -> pa.Array:
    odd = pc.fill_null(pc.match_substring_regex(text, '[;"\r\n]'), False)
    if not pc.any(odd).as_py():
        return text
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(odd, quoted, text)


def _escaped(text: pa.Array) -> pa.Array:
    """The inside of a JSON string (RFC 8259 section 7): backslash, quote and control characters are escaped."""
    odd = pc.fill_null(pc.match_substring_regex(text, '[\\\\"\\x00-\\x1f]'), False)
    if not pc.any(odd).as_py():
        return text
    escaped = [json.dumps(value, ensure_ascii=False)[1:-1] for value in text.filter(odd).to_pylist()]
    return pc.replace_with_mask(text, odd, pa.array(escaped, pa.string()))


def _text(lines: pa.Array) -> memoryview:
    """The bytes of all values of a string array, one after the other, without a copy."""
    _, offsets, data = lines.buffers()
    first = int.from_bytes(bytes(offsets[lines.offset * 4:lines.offset * 4 + 4]), "little")
    end = lines.offset + len(lines)
    last = int.from_bytes(bytes(offsets[end * 4:end * 4 + 4]), "little")
    return memoryview(data)[first:last]
