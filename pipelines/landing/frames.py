"""What the suites see of a drop: its sound rows as a frame without clear identifiers, and one row about the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import quality
from pipelines.estate import estate
from pipelines.landing import raw
from pipelines.landing.contract import Feed, Identifier, Type
from pipelines.landing.keys import Keys, hashes
from pipelines.landing.reading import Reading

if TYPE_CHECKING:
    import pandas as pd

Positions = npt.NDArray[np.int64]
_HIDDEN = (Identifier.NAME, Identifier.FREE_TEXT)


@dataclass(frozen=True)
class Piece:
    """A part of a drop on its way through the suites. `sound`: rows without a fault of form, which the suite sees."""

    dt: date
    reading: Reading
    sound: Positions
    copies: npt.NDArray[np.int64]  # how often each sound row's key occurs in the whole drop

    @staticmethod
    def of(feed: Feed, dt: date, reading: Reading, keys: Keys | None = None) -> Piece:
        """`keys`: those of the whole drop; None when the part is the whole."""
        marks = hashes(feed, reading.table)
        everything = np.arange(reading.table.num_rows, dtype=np.int64)
        sound = np.setdiff1d(everything, reading.faults.rows(), assume_unique=True)
        return Piece(dt, reading, sound, (keys or Keys([marks])).copies(marks[sound]))

    def good(self) -> pa.Table:
        """The rows without any fault, once the suites have spoken."""
        rows = np.setdiff1d(self.sound, self.reading.faults.rows(), assume_unique=True)
        table = self.reading.table
        return table if rows.size == table.num_rows else table.take(pa.array(rows))


@dataclass(frozen=True)
class Volume:
    """A drop as a whole, for the checks against the drops before it. Days are counted from the drop's day back."""

    rows: int
    usual_rows: float | None
    newest_days_before: int
    oldest_days_before: int
    is_day_zero: bool
    is_confirmed: bool
    filled: Mapping[str, float]  # share of rows in which the column is not empty, of the columns the suite watches
    cells: int  # distinct cells, of a feed of counters


def check_parts(feed: Feed, pieces: Sequence[Piece]) -> quality.Findings:
    """Run the feed's suite on parts as one batch."""
    operator = estate().feeds[feed.id].operator
    return quality.check_raw(feed, _frame(feed, pieces), estate().operators[operator].currency)


def spread(findings: quality.Findings, pieces: Sequence[Piece]) -> None:
    """What a suite found in the rows of a batch becomes faults of the parts they came from."""
    starts = np.cumsum([0, *(piece.sound.size for piece in pieces)])
    for reason, positions in findings.rows:
        owners = np.searchsorted(starts, positions, side="right") - 1
        for number in np.unique(owners):
            piece = pieces[number]
            piece.reading.faults.found.append((reason, piece.sound[positions[owners == number] - starts[number]]))


def check_volumes(feed: Feed, volumes: Sequence[Volume]) -> list[quality.Findings]:
    """Run the suite of whole drops; one Findings a drop."""
    import pandas as pd

    usual = np.array([np.nan if volume.usual_rows is None else volume.usual_rows for volume in volumes])
    rows = np.array([volume.rows for volume in volumes], dtype=np.float64)
    return quality.check_drops(feed, pd.DataFrame({
        "rows": rows, "median_rows": usual, "ratio": rows / usual,
        "newest_days_before_drop": [volume.newest_days_before for volume in volumes],
        "oldest_days_before_drop": [volume.oldest_days_before for volume in volumes],
        "is_day_zero": [volume.is_day_zero for volume in volumes],
        "is_confirmed": [volume.is_confirmed for volume in volumes],
        "cells": [volume.cells for volume in volumes],
        **{f"filled.{name}": [volume.filled[name] for volume in volumes] for name in quality.watched(feed)},
    }))


def _frame(feed: Feed, pieces: Sequence[Piece]) -> pd.DataFrame:
    """Identifiers are codes: the checks need no clear ones. Amounts are doubles: bounds need no exact ones."""
    table = pa.concat_tables([piece.reading.table.take(pa.array(piece.sound)) for piece in pieces]).combine_chunks()
    number = np.repeat(np.arange(len(pieces)), [piece.sound.size for piece in pieces])
    dts = np.array([piece.dt for piece in pieces], dtype="datetime64[D]")
    columns: dict[str, Any] = {
        "_drop": pa.array(number),
        "_days_after_drop": (raw.event_days(feed, table) - dts[number]).astype(np.int64),
        "_key_copies": np.concatenate([piece.copies for piece in pieces]),
    }
    worth = list(raw.worth(feed, table).values())
    if worth:
        columns["_currency_known"] = pc.is_valid(worth[0]).cast(pa.int8())
    if feed.operator_column is not None:
        known = pa.array(sorted(estate().operators))
        columns["_operator_known"] = pc.is_in(table[feed.operator_column], known).combine_chunks().cast(pa.int8())
    for column in feed.columns:
        if column.identifier in _HIDDEN:
            continue
        array = table[column.name].combine_chunks()
        if column.type is Type.DECIMAL:
            array = array.cast(pa.float64())
        elif pa.types.is_string(array.type):
            array = array.dictionary_encode()
            if not column.values or column.identifier is not None:
                array = pc.fill_null(array.indices, -1)
        columns[column.name] = array
    frame: pd.DataFrame = pa.table(columns).to_pandas(date_as_object=False)
    return frame
