"""The three written forms of a drop: strict CSV, JSON lines, Parquet. Each gives arrays by column name."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from pipelines.landing.contract import Column, Feed, Type
from pipelines.landing.control import Damaged
from pipelines.landing.reading import check_columns
from pipelines.landing.values import ARROW, Faults, typed

Columns = dict[str, pa.Array]

_FIELD = rb'(?:"(?:[^"]|"")*"|[^";]*)'
_QUOTED_LINE = re.compile(_FIELD + rb"(?:;" + _FIELD + rb")*\r?")
_BOM = b"\xef\xbb\xbf"


def read_csv(feed: Feed, data: bytes, faults: Faults) -> tuple[Columns, list[str]]:
    """`;`, header, `"` quoting, UTF-8 (a byte order mark is allowed), one row a line, an end of line at the end."""
    data = check_text(data)
    if data.count(b"\r") != data.count(b"\r\n"):
        raise Damaged("a carriage return stands inside a line")
    if data.startswith((b"\n", b"\r\n")) or b"\n\n" in data or b"\n\r\n" in data:
        raise Damaged("an empty line")  # it would be read as a row of NULLs
    lines = data.count(b"\n")
    if b'"' in data:
        _check_quotes(data)
    header, _, _ = data.partition(b"\n")
    first: list[dict[str, Any]] = _csv(header + b"\n", []).to_pylist()
    names = [str(name) for name in first[0].values()]
    check_columns(feed, names)
    text = _csv(data, names)
    if text.num_rows != lines:
        raise Damaged(f"{lines} lines became {text.num_rows} rows")
    text = text.slice(1)
    columns = {column.name: typed(column, text[column.name], faults) for column in feed.columns}
    return columns, names


def _csv(data: bytes, names: list[str]) -> pa.Table:
    """Every value as text; the header is its first row. Raises Damaged on a line with another number of columns."""
    try:
        return pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(column_names=names, autogenerate_column_names=not names),
            parse_options=pacsv.ParseOptions(delimiter=";", newlines_in_values=False, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""],
                quoted_strings_can_be_null=True, true_values=[], false_values=[], timestamp_parsers=[],
            ),
        )
    except pa.ArrowInvalid as error:
        expected = re.search(r"Row #\d+: Expected \d+ columns, got \d+|Expected \d+ columns, got \d+", str(error))
        raise Damaged(f"not the columns of the header in every line: {expected.group() if expected else 'unreadable'}"
                      ) from None


def _check_quotes(data: bytes) -> None:
    for number, line in enumerate(data.split(b"\n"), 1):
        if b'"' in line and not _QUOTED_LINE.fullmatch(line):
            raise Damaged(f"line {number}: a quote is not closed, or stands inside a value")


def check_text(data: bytes) -> bytes:
    """UTF-8 text that ends with an end of line, without its byte order mark. Raises Damaged."""
    if b"\0" in data:
        raise Damaged("NUL bytes: not text in UTF-8")
    data = data.removeprefix(_BOM)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(f"not UTF-8: byte {error.start} does not decode") from None
    if not data.endswith(b"\n"):
        raise Damaged("the last line has no end: the file was cut")
    return data


def read_jsonl(feed: Feed, data: bytes, faults: Faults) -> tuple[Columns, list[str]]:
    """One object a line; every key of the contract in every object, null where empty."""
    lines = check_text(data).decode("utf-8").split("\n")[:-1]
    objects = [_object(number, line) for number, line in enumerate(lines, 1)]
    names = dict.fromkeys(name for found in objects for name in found)
    check_columns(feed, list(names))
    columns: Columns = {}
    for column in feed.columns:
        absent = np.array([column.name not in found for found in objects])
        faults.refuse(column, "is not in the object", absent)
        values = [found.get(column.name) for found in objects]
        wrong = np.array([not _is(column, value) for value in values])
        faults.refuse(column, f"is not a JSON {_JSON_WORDS[column.type]}", wrong)
        kept = [None if bad else value for bad, value in zip(wrong, values, strict=True)]
        columns[column.name] = _json_array(column, kept, faults)
    return columns, list(names)


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_once)
    except ValueError as error:
        why = "a key twice" if isinstance(error, _Twice) else "not a JSON object"
        raise Damaged(f"line {number}: {why}") from None
    if not isinstance(found, dict):
        raise Damaged(f"line {number}: not a JSON object")
    return found


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


_JSON_WORDS = {
    Type.STRING: "string", Type.INTEGER: "whole number", Type.DOUBLE: "number", Type.BOOLEAN: "boolean",
    Type.DATE: "string", Type.LOCAL_TIME: "string", Type.INSTANT: "string",
}


def _is(column: Column, value: Any) -> bool:
    if value is None:
        return True
    if column.type is Type.BOOLEAN:
        return isinstance(value, bool)
    if column.type is Type.INTEGER:
        return type(value) is int and abs(value) < 10**18
    if column.type is Type.DOUBLE:
        return type(value) in (int, float) and math.isfinite(value)
    return isinstance(value, str)


def _json_array(column: Column, values: list[Any], faults: Faults) -> pa.Array:
    if column.type in (Type.BOOLEAN, Type.INTEGER, Type.DOUBLE):
        return pa.array(values, ARROW[column.type])
    return typed(column, pa.chunked_array([pa.array(values, pa.string())]), faults)


def read_parquet(feed: Feed, data: bytes, faults: Faults) -> tuple[Columns, list[str]]:
    """The contract's types as they are; text that looks like a number is not a number."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        names = list(file.schema_arrow.names)
        check_columns(feed, names)
        table = file.read(columns=[column.name for column in feed.columns])
    except (pa.ArrowException, OSError) as error:
        why = "no magic bytes, it was cut or is another format" if "magic" in str(error) else "it does not read"
        raise Damaged(f"not a whole Parquet file: {why}") from None
    wrong = [
        f"{column.name} is {table.schema.field(column.name).type}, the contract wants {column.type.value}"
        for column in feed.columns if not _fits(column.type, table.schema.field(column.name).type)
    ]
    if wrong:
        raise Damaged(*wrong)
    return {column.name: _arrow(column, table[column.name], faults) for column in feed.columns}, names


def _fits(kind: Type, found: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    if kind is Type.STRING:
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if kind is Type.INTEGER:
        return bool(pa.types.is_integer(found) and found != pa.uint64())
    if kind is Type.DOUBLE:
        return bool(pa.types.is_floating(found))
    if kind is Type.BOOLEAN:
        return bool(pa.types.is_boolean(found))
    if kind is Type.DATE:
        return bool(pa.types.is_date32(found))
    zone = found.tz if pa.types.is_timestamp(found) else "no timestamp"
    return zone is None or (kind is Type.INSTANT and zone == "UTC")


def _arrow(column: Column, found: pa.ChunkedArray, faults: Faults) -> pa.Array:
    target = ARROW[column.type]
    if pa.types.is_timestamp(found.type):
        found = pc.cast(found, pa.timestamp("us", found.type.tz), safe=False).cast(target)
    array = found.cast(target).combine_chunks()
    if column.type is Type.DOUBLE:
        odd = pc.invert(pc.is_finite(array))
        faults.add(f"{column.name} is not a finite number", pc.fill_null(odd, False).to_numpy(zero_copy_only=False))
    return array
