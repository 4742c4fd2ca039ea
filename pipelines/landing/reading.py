"""A drop's bytes to typed columns by the contract's explicit schema; nothing is guessed, nothing is filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.landing.contract import Feed, Form, Identifier
from pipelines.landing.control import Damaged
from pipelines.landing.values import ARROW, Faults, complete

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True)
class Reading:
    """A drop as read: the contract's columns in the contract's order (local times still local), the row's line or
    position in the file (1 is the first), the rows' faults, and warnings (columns nobody asked for)."""

    table: pa.Table
    first_line: int
    faults: Faults
    warnings: tuple[str, ...]


def read(feed: Feed, data: bytes) -> Reading:
    """Read one drop. Raises Damaged with reasons when the file as a whole cannot be trusted."""
    from pipelines.landing import forms

    if not data:
        raise Damaged("the file has no bytes")
    reader = {Form.CSV: forms.read_csv, Form.JSONL: forms.read_jsonl, Form.PARQUET: forms.read_parquet}[feed.form]
    faults = Faults()
    columns, found = reader(feed, data, faults)
    table = pa.table(
        [columns[column.name] for column in feed.columns],
        schema=pa.schema([(column.name, ARROW[column.type]) for column in feed.columns]),
    ).combine_chunks()
    for number, column in enumerate(feed.columns):
        array = table[column.name].combine_chunks()
        complete(column, array, faults)
        if column.identifier is Identifier.MSISDN:
            # With or without `+` it is one number: one key, one token.
            table = table.set_column(number, column.name, pc.utf8_ltrim(array, "+"))
    extra = unexpected(feed, found)
    warnings = (f"columns the contract does not have were ignored: {_named(extra)}",) if extra else ()
    return Reading(table, 2 if feed.form is Form.CSV else 1, faults, warnings)


def unexpected(feed: Feed, found: Iterable[str]) -> list[str]:
    known = {column.name for column in feed.columns}
    return sorted(set(found) - known)


def check_columns(feed: Feed, found: Sequence[str]) -> None:
    """Every column of the contract is there, once. Raises Damaged naming the missing and the unexpected."""
    missing = [column.name for column in feed.columns if column.name not in found]
    if len(missing) == len(feed.columns):
        # Names nothing of what was found: without a header it is somebody's data.
        raise Damaged("none of the contract's columns is there: no header line, or another file")
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise Damaged(f"columns occur twice: {_named(twice)}")
    if missing:
        raise Damaged(
            f"columns missing: {_named(missing)}; columns unexpected: {_named(unexpected(feed, found)) or 'none'}"
        )


def _named(names: Sequence[str]) -> str:
    """Names for a message. What does not look like a name may be a value, and values may be personal."""
    plain = [name for name in names if _NAME.fullmatch(name)]
    odd = len(names) - len(plain)
    return ", ".join(plain[:20] + ([f"{odd} that do not look like names"] if odd else []))
