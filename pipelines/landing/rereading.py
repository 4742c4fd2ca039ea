"""Quarantined rows as a file of their feed again, so that the door's own readers read them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.landing.contract import Column, Feed, Form, Type
from pipelines.landing.control import Damaged
from pipelines.landing.quarantine import Row
from pipelines.landing.reading import Reading, read
from pipelines.landing.shapes import Dialect
from pipelines.landing.values import ARROW


def read_again(
    feed: Feed, header: str | None, rows: list[Row]
) -> tuple[list[Row], Reading | None, dict[int, list[str]]]:
    """(rows in the order of the reading, the reading, reasons of rows that cannot be read), unreadable rows last.

    `header`: the header line of a CSV. One row that cannot be read would refuse a file; here it only stays out.
    """
    readable, damaged = list(rows), {}
    try:
        reading = read(*_bytes(feed, header, rows)) if rows else None
    except Damaged:
        for row in rows:
            try:
                read(*_bytes(feed, header, [row]))
            except Damaged as damage:
                damaged[row["line"]] = list(damage.reasons)
        readable = [row for row in rows if row["line"] not in damaged]
        reading = read(*_bytes(feed, header, readable)) if readable else None
    lost = [row for row in rows if row["line"] in damaged]
    return readable + lost, reading, {len(readable) + at: damaged[row["line"]] for at, row in enumerate(lost)}


def _bytes(feed: Feed, header: str | None, rows: Sequence[Row]) -> tuple[Feed, bytes]:
    """Rows as a file of their feed. Text is kept in UTF-8 whatever its sender writes; Parquet as the contract's types,
    its sender's dialect undone."""
    if feed.form is Form.PARQUET:
        out = io.BytesIO()
        pq.write_table(pa.table({column.name: _column(column, rows) for column in feed.columns}), out)
        return replace(feed, dialect=Dialect()), out.getvalue()
    lines = [*([header] if header is not None else []), *(row["row"] for row in rows)]
    return replace(feed, dialect=replace(feed.dialect, encoding="utf-8")), ("\n".join(lines) + "\n").encode()


_PARSED: dict[Type, Callable[[str], Any]] = {  # what JSON has no form for and is text in the quarantine
    Type.DATE: date.fromisoformat, Type.LOCAL_TIME: datetime.fromisoformat, Type.INSTANT: datetime.fromisoformat,
    Type.DECIMAL: Decimal,
}


def _column(column: Column, rows: Sequence[Row]) -> pa.Array:
    """A column of Parquet rows from their JSON. Raises Damaged for a value that is none of its type."""
    values = [row["row"].get(column.name) for row in rows]
    parse = _PARSED.get(column.type)
    try:
        made = [value if value is None or parse is None else parse(value) for value in values]
        return pa.array(made, ARROW[column.type])
    except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
        raise Damaged(f"{column.name} is not of the type {column.type.value}") from None
