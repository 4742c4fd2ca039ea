"""Files of scores for people: typed Parquet, and CSV no cell of which a spreadsheet runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.publish import replacing
from pipelines.scoring.dictionary import DAY, INSTANT, NUMBER, TEXT, WHOLE, YES_NO, Column
from pipelines.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

# A spreadsheet runs a cell that begins so as a formula (CWE-1236), in some settings also with the full-width form of
# the sign; an apostrophe makes it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ROWS = 20_000  # made into lines at once: 11 MB
# The text of a cell by the kind of its column: a flag yes or no, whole numbers without a point, others with at most
# six digits behind it, and quotes only around what needs them.
_CELLS = {
    TEXT: """if(contains({0}, ',') or contains({0}, '"') or contains({0}, chr(10)) or contains({0}, chr(13)),
                '"' || replace({0}, '"', '""') || '"', {0})""",
    WHOLE: "cast({0} as varchar)",
    # What has a fraction, of six digits at most, DuckDB writes so by itself, in a third of the time.
    NUMBER: """case when {0} = round({0}, 6) and {0} <> trunc({0}) and abs({0}) between 0.0001 and 1e9
                    then cast({0} as varchar)
                    when isnan({0}) then '' else rtrim(rtrim(format('{{:.6f}}', {0}), '0'), '.') end""",
    YES_NO: "case when {0} then 'yes' when not {0} then 'no' end",
    DAY: "cast({0} as varchar)",
    INSTANT: "strftime({0}, '%Y-%m-%dT%H:%M:%SZ')",
}


def write(rows: pa.Table, wanted: Sequence[Column], *paths: Path) -> None:
    """Write these columns as CSV, or as Parquet by the name's end; a reader sees the old file or the new one."""
    import pyarrow.parquet as pq

    table = _typed(rows, wanted)
    for path in paths:
        with replacing(path) as out:
            if path.suffix == ".parquet":
                pq.write_table(table, out, compression="zstd")
            else:
                out.write((",".join(table.column_names) + "\n").encode())
                for lines in _lines(table, wanted):
                    out.write(lines)


def _typed(rows: pa.Table, wanted: Sequence[Column]) -> pa.Table:
    """The columns, typed; a text that a spreadsheet would run is made harmless: of Parquet somebody will make CSV."""
    import pyarrow as pa
    import pyarrow.compute as pc

    types = {TEXT: pa.string(), WHOLE: pa.int64(), NUMBER: pa.float64(), YES_NO: pa.bool_(), DAY: pa.date32(),
             INSTANT: pa.timestamp("us")}
    runs = f"^[{re.escape(''.join(FORMULA_STARTS))}]"
    arrays = []
    for column in wanted:
        told = rows.column(column.name).cast(types[column.kind])
        if column.kind == TEXT:
            is_run = pc.match_substring_regex(told, runs)
            if pc.any(is_run).as_py():
                told = pc.if_else(is_run, pc.binary_join_element_wise("'", told, ""), told)
        arrays.append(told)
    return pa.table(arrays, names=[column.name for column in wanted])


def _lines(table: pa.Table, wanted: Sequence[Column]) -> Iterator[pa.Buffer]:
    """The lines of CSV in the order of the rows, thousands at a time; missing is empty. By DuckDB, which takes a
    twentieth of the time that Python takes cell by cell; what Arrow keeps of strings that end so is their file."""
    import duckdb
    import numpy as np

    cells = ", ".join(f"coalesce({_CELLS[column.kind].format(column.name)}, '')" for column in wanted)
    with duckdb.connect(config=settings().duckdb) as connection:
        connection.register("kept", table)
        # The names are the dictionary's.
        lines = connection.sql(f"select concat_ws(',', {cells}) || chr(10) from kept")  # noqa: S608
        for batch in lines.to_arrow_reader(ROWS):
            _, ends, data = batch.column(0).buffers()
            first, last = np.frombuffer(ends, "int32")[[batch.column(0).offset, batch.column(0).offset + len(batch)]]
            yield data.slice(first, last - first)
