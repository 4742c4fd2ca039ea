"""JSON lines (RFC 8259, UTF-8): one object a line, every key of the contract in it, null where empty."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from pipelines.landing import reading
from pipelines.landing.contract import Column, Feed, Type
from pipelines.landing.control import Damaged
from pipelines.landing.forms.part import Columns, Part, constant, from_text
from pipelines.landing.text import blocks
from pipelines.landing.values import ARROW, Faults

_WORDS = {
    Type.STRING: "string", Type.INTEGER: "whole number", Type.DOUBLE: "number", Type.BOOLEAN: "boolean",
    Type.DECIMAL: "number of at most 4 places", Type.DATE: "string", Type.LOCAL_TIME: "string", Type.INSTANT: "string",
}
_PLACES = Decimal("0.0001")
_MOST = Decimal(10) ** 14
_LONGEST = 40  # places a number may be written with; beyond four they are zeros
_LARGEST = 10**300


def jsonl_parts(feed: Feed, handle: BinaryIO) -> Iterator[Part]:
    """Parts of whole lines. Raises Damaged for a line that is no object or has a key twice."""
    number = 0
    exact = any(column.type is Type.DECIMAL for column in feed.columns)
    for block in blocks(handle, "utf-8", reading.PART_BYTES, reading.PART_ROWS):
        lines = block.decode("utf-8").split("\n")[:-1]
        objects = [_object(number + at, line, exact) for at, line in enumerate(lines, 1)]
        number += len(lines)
        yield _part(feed, objects, block)


def _part(feed: Feed, objects: list[dict[str, Any]], block: bytes) -> Part:
    names = list(dict.fromkeys(name for found in objects for name in found))
    reading.check_columns(feed, names)
    faults = Faults()
    columns: Columns = {}
    for column in feed.columns:
        if column.name in feed.dialect.constants:
            columns[column.name] = constant(feed, column, len(objects), faults)
            continue
        name = feed.dialect.sent(column.name)
        absent = np.array([name not in found for found in objects], dtype=np.bool_)
        faults.refuse(column, "is not in the object", absent)
        columns[column.name] = _array(feed, column, [found.get(name) for found in objects], faults)
    return Part(columns, tuple(names), faults, block)


def _array(feed: Feed, column: Column, values: list[Any], faults: Faults) -> pa.Array:
    """Values in the contract's type. A sender with words of its own (codes, days, major amounts) writes text first."""
    dialect = feed.dialect
    if column.name in dialect.values or (column.money and dialect.amounts_in_major):
        text = [None if value is None else _as_text(value) for value in values]
        return from_text(feed, column, pa.chunked_array([_text(column, text, faults)]), faults)
    fits = _FITS.get(column.type, _is_text)
    wrong = np.array([value is not None and not fits(value) for value in values], dtype=np.bool_)
    faults.refuse(column, f"is not a JSON {_WORDS[column.type]}", wrong)
    kept = [None if bad else value for bad, value in zip(wrong, values, strict=True)]
    if column.type is Type.DOUBLE:
        kept = [None if value is None else float(value) for value in kept]
    if column.type in _FITS:
        return pa.array(kept, ARROW[column.type])
    return from_text(feed, column, pa.chunked_array([_text(column, kept, faults)]), faults)


def _text(column: Column, values: list[Any], faults: Faults) -> pa.Array:
    r"""Half of a surrogate pair can be escaped in JSON (`"\ud800"`, RFC 8259 section 8.2) and is no text."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        half = np.array([value is not None and _is_half(value) for value in values], dtype=np.bool_)
        faults.refuse(column, "has half of a surrogate pair", half)
        return pa.array([None if bad else value for bad, value in zip(half, values, strict=True)], pa.string())


def _is_half(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _object(number: int, line: str, exact: bool) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_once, parse_float=Decimal if exact else None)
    except (ValueError, RecursionError) as error:
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


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 10**18


def _is_number(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < _LARGEST  # as a float it would be none
    return type(value) in (float, Decimal) and math.isfinite(value)


def _is_amount(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < _MOST
    if not isinstance(value, Decimal) or not value.is_finite():
        return False
    # The exponent first: one of millions is rounded to nothing or too much by any sum, and Arrow crashes on it.
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent > -_LONGEST and value.adjusted() < 14 and value % _PLACES == 0


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_FITS: dict[Type, Callable[[Any], bool]] = {
    Type.BOOLEAN: _is_flag, Type.INTEGER: _is_whole, Type.DOUBLE: _is_number, Type.DECIMAL: _is_amount,
}
