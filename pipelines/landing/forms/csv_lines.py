"""CSV, strictly: a header, `"` quoting, one row a line, an end of line at the end, the same columns in every line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv

from pipelines.landing import reading
from pipelines.landing.contract import Feed
from pipelines.landing.control import Damaged
from pipelines.landing.forms.part import Columns, Part, constant, from_text
from pipelines.landing.text import blocks
from pipelines.landing.values import Faults


def csv_parts(feed: Feed, handle: BinaryIO) -> Iterator[Part]:
    """Parts of whole lines. Raises Damaged; a header without rows is one part without rows."""
    names: list[str] = []
    line = 0
    for block in blocks(handle, feed.dialect.encoding, reading.PART_BYTES, reading.PART_ROWS):
        _check_lines(block, feed.dialect.delimiter, line)
        lines = block.count(b"\n")
        body = block
        if not names:
            header, _, body = block.partition(b"\n")
            names = _header(feed, header)
            lines -= 1
        yield _part(feed, names, body, lines)
        line += block.count(b"\n")


def _part(feed: Feed, names: list[str], body: bytes, lines: int) -> Part:
    text = _csv(body, names, feed.dialect.delimiter) if lines else None
    rows = text.num_rows if text is not None else 0
    if rows != lines:
        raise Damaged(f"{lines} lines became {rows} rows")
    faults = Faults()
    columns: Columns = {}
    for column in feed.columns:
        if column.name in feed.dialect.constants:
            columns[column.name] = constant(feed, column, rows, faults)
        else:
            empty = pa.chunked_array([pa.array([], pa.string())])
            sent = text[feed.dialect.sent(column.name)] if text is not None else empty
            columns[column.name] = from_text(feed, column, sent, faults)
    return Part(columns, tuple(names), faults, body)


def _header(feed: Feed, header: bytes) -> list[str]:
    if header.count(feed.dialect.delimiter.encode()) > 100_000:
        raise Damaged("more than 100000 columns")
    first: list[dict[str, Any]] = _csv(header + b"\n", [], feed.dialect.delimiter).to_pylist()
    names = [str(name) for name in first[0].values()]
    reading.check_columns(feed, names)
    return names


def _csv(data: bytes, names: list[str], delimiter: str) -> pa.Table:
    """Every value as text. Raises Damaged on a line with another number of columns."""
    try:
        return pacsv.read_csv(
            pa.BufferReader(data),
            # One block a call: the callers cut the file, and a row must not be looked for beyond a block's end.
            read_options=pacsv.ReadOptions(column_names=names, autogenerate_column_names=not names,
                                           block_size=max(len(data), 1)),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=False, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""],
                quoted_strings_can_be_null=True, true_values=[], false_values=[], timestamp_parsers=[],
            ),
        )
    except pa.ArrowInvalid as error:
        expected = re.search(r"Expected \d+ columns, got \d+", str(error))
        raise Damaged(f"not the columns of the header in every line: {expected.group() if expected else 'unreadable'}"
                      ) from None


def _check_lines(block: bytes, delimiter: str, before: int) -> None:
    if block.count(b"\r") != block.count(b"\r\n"):
        raise Damaged("a carriage return stands inside a line")
    if block.startswith((b"\n", b"\r\n")) or b"\n\n" in block or b"\n\r\n" in block:
        raise Damaged("an empty line")  # it would be read as a row of NULLs
    if b'"' not in block:
        return
    quoted = _quoted_line(delimiter)
    for number, line in enumerate(block.split(b"\n"), before + 1):
        if b'"' in line and not quoted.fullmatch(line):
            raise Damaged(f"line {number}: a quote is not closed, or stands inside a value")


@lru_cache(maxsize=8)
def _quoted_line(delimiter: str) -> re.Pattern[bytes]:
    mark = re.escape(delimiter.encode())
    field = rb'(?:"(?:[^"]|"")*"|[^"' + mark + rb"]*)"
    return re.compile(field + rb"(?:" + mark + field + rb")*\r?")
