"""A part of a drop, as the readers of the three forms give it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from pipelines.currency import minor_digits
from pipelines.landing.contract import Column, Feed
from pipelines.landing.values import Faults, declared_form, translated, typed

Columns = dict[str, pa.Array]


@dataclass(frozen=True)
class Part:
    """Columns by our names, the column names of the file, the rows' faults, and the rows' lines where it has lines."""

    columns: Columns
    names: tuple[str, ...]
    faults: Faults
    lines: bytes | None = None


def from_text(feed: Feed, column: Column, text: pa.ChunkedArray, faults: Faults) -> pa.Array:
    """A column of text in the contract's type, the sender's dialect undone."""
    array = translated(column, text, feed.dialect, _digits(feed), faults)
    return typed(column, pa.chunked_array([array]), faults, declared_form(column, feed.dialect))


def constant(feed: Feed, column: Column, rows: int, faults: Faults) -> pa.Array:
    """A column the sender does not send and the estate says once."""
    text = pa.repeat(pa.scalar(feed.dialect.constants[column.name] or None, pa.string()), rows)
    return typed(column, pa.chunked_array([text]), faults)


def _digits(feed: Feed) -> int:
    """Minor digits of the feed's operator's currency; asked only for amounts sent in major units."""
    if not feed.dialect.amounts_in_major:
        return 0
    from pipelines.estate import estate

    facts = estate()
    return minor_digits(facts.operators[facts.feeds[feed.id].operator].currency)
