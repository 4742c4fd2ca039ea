"""Values of rows that are known by their place: the night of a partition, and the row of its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import IntegrityError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

PARTS = ("as_of", "file_row_number")  # of a place, as DuckDB names them


def values(files: str, asked: pa.Table, view: str, columns: Sequence[str]) -> pd.DataFrame:
    """Columns of `files` (`.../as_of=*/data.parquet`) at the places of a view, row by row; NULL where there is none.

    `asked` holds subscriber_id, event_timestamp and the places, the rows of one time together: one night is in memory
    after the other. Raises IntegrityError when a row is not its subscriber's: the file is not the one it was found in.
    """
    import pyarrow as pa

    parts = []
    for rows in _runs(asked):
        nights, numbers = (rows[f"{view}__{part}"] for part in PARTS)
        places = numbers.fill_null(-1).to_numpy()
        if (places < 0).all():
            parts.append(pa.table({name: pa.nulls(len(rows)) for name in columns}))
            continue
        found = _read(files, nights.to_numpy(), places, ["subscriber_id", *columns])
        _check_owners(files, found["subscriber_id"], rows["subscriber_id"])
        parts.append(found.select(columns))
    whole = pa.concat_tables(parts, promote_options="default")
    parts.clear()  # so that each column goes as soon as pandas has it
    frame: pd.DataFrame = whole.to_pandas(split_blocks=True, self_destruct=True)
    return frame


def _runs(asked: pa.Table) -> Iterator[pa.Table]:
    stamps = asked["event_timestamp"].to_numpy()
    edges = [0, *(np.flatnonzero(stamps[1:] != stamps[:-1]) + 1).tolist(), len(stamps)]
    for start, stop in pairwise(edges):
        yield asked.slice(start, stop - start)


def _read(files: str, nights: Any, numbers: Any, columns: Sequence[str]) -> pa.Table:
    """The rows with these numbers in the files of their nights; -1 is a row of NULLs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables, places, before = [], numbers.copy(), 0
    for night in np.unique(nights[numbers >= 0]):
        there = nights == night
        path = files.replace("as_of=*", f"as_of={night}")
        with pq.ParquetFile(path) as file:
            if numbers[there].max() >= file.metadata.num_rows:
                raise IntegrityError(f"{path} is shorter than it was when a row was found in it: it was replaced")
            first, table = _around(file, numbers[there], columns)
        places[there] += before - first
        before += len(table)
        tables.append(table)
    return pa.concat_tables(tables).take(pa.array(places, mask=numbers < 0))


def _around(file: pq.ParquetFile, numbers: Any, columns: Sequence[str]) -> tuple[int, pa.Table]:
    """The row groups from the first of these rows to the last, and the number of the first row in them."""
    sizes = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    low, high = np.searchsorted(ends, [numbers.min(), numbers.max()], side="right")
    return int(ends[low] - sizes[low]), file.read_row_groups(range(low, high + 1), columns=columns)


def _check_owners(files: str, found: pa.ChunkedArray, asked: pa.ChunkedArray) -> None:
    import pyarrow.compute as pc

    if pc.any(pc.not_equal(found, asked)).as_py():  # a row without a place is nobody's, and unequal to none
        raise IntegrityError(f"{files}: a row is of another subscriber than it was found for: a file was replaced")
