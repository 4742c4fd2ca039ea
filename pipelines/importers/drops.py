"""Landing files from tables: the data file in its feed's form and the control file that vouches for it."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.clock import DAY
from pipelines.landing.contract import Feed, Form, Type
from pipelines.settings import settings

ARROW = {
    Type.STRING: pa.string(), Type.INTEGER: pa.int64(), Type.DOUBLE: pa.float64(), Type.BOOLEAN: pa.bool_(),
    Type.DATE: pa.date32(), Type.LOCAL_TIME: pa.timestamp("s"), Type.INSTANT: pa.timestamp("us"),
}


def schema(feed: Feed) -> pa.Schema:
    """The Arrow schema a table needs before it can be dropped; local times are naive, instants naive UTC."""
    return pa.schema([pa.field(column.name, ARROW[column.type], column.nullable) for column in feed.columns])


def write_drop(feed: Feed, dt: date, table: pa.Table, *, day_zero: bool = False) -> int:
    """Write one drop below `settings().landing` and return its rows; no rows leaves a control file saying so.

    The bytes depend on the arguments alone: `produced_at` is 01:00 UTC of the day after, whatever the clock says.
    """
    folder = settings().landing / feed.source / feed.name / f"dt={dt:%Y-%m-%d}"
    folder.mkdir(parents=True, exist_ok=True)
    control: dict[str, object] = {
        "feed": feed.id, "dt": dt.isoformat(), "rows": table.num_rows, "schema_version": feed.schema_version,
        "produced_at": f"{dt + DAY:%Y-%m-%d}T01:00:00Z",
    }
    if day_zero:
        control["day_zero"] = True
    path = folder / feed.file_name
    if table.num_rows:
        content = _encode(feed, table.select([column.name for column in feed.columns]).cast(schema(feed)))
        path.write_bytes(content)
        control["sha256"] = sha256(content).hexdigest()
    else:
        path.unlink(missing_ok=True)
        control |= {"empty": True, "sha256": sha256(b"").hexdigest()}
    # The control file goes last: whoever sees it sees the whole data file.
    _control(path).write_text(json.dumps(control, sort_keys=True) + "\n", encoding="utf-8")
    return int(table.num_rows)


def _control(path: Path) -> Path:
    return path.with_name(path.name + ".ctl")


def _encode(feed: Feed, table: pa.Table) -> bytes:
    if feed.form is Form.PARQUET:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        return bytes(sink.getvalue().to_pybytes())
    if feed.form is Form.CSV:
        return _csv(table)
    return _jsonl(feed, table)


def _csv(table: pa.Table) -> bytes:
    """`;` separated, header, `true`/`false`, ISO dates, empty for null."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(table.column_names)
    columns = [pc.fill_null(column.cast(pa.string()), "").to_pylist() for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _jsonl(feed: Feed, table: pa.Table) -> bytes:
    """One object a line, keys in the contract's order, instants as `YYYY-MM-DDTHH:MM:SSZ`."""
    columns = []
    for column in feed.columns:
        values = table[column.name]
        if column.type is Type.INSTANT:
            values = pc.strftime(values.cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%SZ")
        elif column.type is Type.DATE:
            values = values.cast(pa.string())
        columns.append(values.to_pylist())
    lines = (json.dumps(dict(zip(table.column_names, row, strict=True)), ensure_ascii=False)
             for row in zip(*columns, strict=True))
    return "".join(line + "\n" for line in lines).encode()
