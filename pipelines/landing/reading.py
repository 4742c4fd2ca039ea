"""A drop to typed columns, part by part, by the contract's explicit schema; nothing is guessed, nothing filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import pyarrow as pa

from pipelines.landing.contract import Feed, Form
from pipelines.landing.control import Damaged
from pipelines.landing.tokens import normalised
from pipelines.landing.values import ARROW, Faults, complete, possible

# A part of a drop is at most so much, whatever the drop's size: about 250 MB of memory while it is checked.
PART_ROWS = 250_000
PART_BYTES = 24 * 2**20

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_COUNTER = re.compile(r"[A-Za-z_][A-Za-z0-9_. -]{0,62}")


@dataclass(frozen=True)
class Reading:
    """A part of a drop as read: the contract's columns in the contract's order (local times still local).

    `first_row`: position of the part's first row in the drop, from 0. `first_line`: its line in the file (rows, where
    the form has no lines), from 1. `faults`: of rows, by position in this part. `lines`: the rows as they came, for
    the forms that are text. `warnings`: columns nobody asked for.
    """

    table: pa.Table
    first_row: int
    first_line: int
    faults: Faults
    warnings: tuple[str, ...]
    lines: bytes | None = None

    def as_it_came(self, positions: Sequence[int]) -> list[object]:
        """Rows by position in this part: the line itself where there is one, so that it can be sent again."""
        if self.lines is None:
            rows: list[object] = self.table.take(pa.array(positions, pa.int64())).to_pylist()
            return rows
        lines = self.lines.split(b"\n")
        return [lines[position].decode("utf-8").rstrip("\r") for position in positions]


def readings(feed: Feed, handle: BinaryIO) -> Iterator[Reading]:
    """Read a drop part by part; at least one part. Raises Damaged when the file as a whole cannot be trusted."""
    from pipelines.landing import forms

    if not handle.read(1):
        raise Damaged("the file has no bytes")
    handle.seek(0)
    parts = {Form.CSV: forms.csv_parts, Form.JSONL: forms.jsonl_parts, Form.PARQUET: forms.parquet_parts}[feed.form]
    row = 0
    for part in parts(feed, handle):
        table = pa.table(
            [part.columns[column.name] for column in feed.columns],
            schema=pa.schema([(column.name, ARROW[column.type]) for column in feed.columns]),
        ).combine_chunks()
        table = _completed(feed, table, part.faults)
        extra = unexpected(feed, part.names)
        warnings = (f"columns the contract does not have were ignored: {named(feed, extra)}",) if extra else ()
        first_line = row + (2 if feed.form is Form.CSV else 1)
        yield Reading(table, row, first_line, part.faults, warnings, part.lines)
        row += table.num_rows


def read(feed: Feed, data: bytes) -> Reading:
    """Read a drop that is one part. Raises Damaged, also when it is more."""
    first, *more = readings(feed, BytesIO(data))
    if more:
        raise Damaged(f"more than {PART_ROWS} rows or {PART_BYTES} bytes: read it part by part")
    return first


def _completed(feed: Feed, table: pa.Table, faults: Faults) -> pa.Table:
    """Faults for what must be there; identifiers in their normal form: `+49 151` and `49151` are one key, one token."""
    for number, column in enumerate(feed.columns):
        array = possible(column, table[column.name].combine_chunks(), faults)
        table = table.set_column(number, column.name, array)
        if column.identifier is not None:
            array = normalised(column.identifier, array)
            table = table.set_column(number, column.name, array)
        complete(column, array, faults)
    return table


def unexpected(feed: Feed, found: Iterable[str]) -> list[str]:
    """Columns of a file that the contract does not have, sorted."""
    return sorted(set(found) - {feed.dialect.sent(column.name) for column in feed.sent})


def check_columns(feed: Feed, found: Sequence[str]) -> None:
    """Every column of the contract is there, once. Raises Damaged naming the missing and the unexpected."""
    from expectations.thresholds import MAX_COLUMNS

    if len(found) > MAX_COLUMNS:
        raise Damaged(f"{len(found)} columns, more than the {MAX_COLUMNS} any feed may have")
    wanted = [feed.dialect.sent(column.name) for column in feed.sent]
    missing = [name for name in wanted if name not in set(found)]
    if len(missing) == len(wanted):
        # Names nothing of what was found: without a header it is somebody's data.
        raise Damaged("none of the contract's columns is there: no header line, or another file")
    twice = sorted({name for name in found if list(found).count(name) > 1})
    if twice:
        raise Damaged(f"columns occur twice: {named(feed, twice)}")
    if missing:
        raise Damaged(
            f"columns missing: {named(feed, missing)}; columns unexpected: "
            f"{named(feed, unexpected(feed, found)) or 'none'}"
            + (f'. Map them under [feeds."{feed.id}".columns] or .constants' if feed.like else "")
        )
    if feed.is_strict and (extra := unexpected(feed, found)):
        raise Damaged(f"columns nobody mapped: {named(feed, extra)}. Map them in pipelines/landing/feeds/counters.py, "
                      "or have the sender leave them out")


def named(feed: Feed, names: Sequence[str]) -> str:
    """Names for a message. What does not look like a name may be a value, and values may be personal.

    A strict feed holds counters of cells, nothing of a person, and their names have points and blanks.
    """
    form = _COUNTER if feed.is_strict else _NAME
    known = {feed.dialect.sent(column.name) for column in feed.sent}
    plain = [name for name in names if name in known or form.fullmatch(name)]
    odd = len(names) - len(plain)
    return ", ".join(plain[:20] + ([f"{odd} that do not look like names"] if odd else []))
