"""Every measure of every night in one table: reports/drift/<model>/as_of=D/measures.parquet, one file per night.

One row per (model, as_of, version, family, name, subject). Any reader of Parquet sees it as one table, for example
`select * from read_parquet('reports/drift/*/as_of=*/measures.parquet')`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.monitoring.measure import Measure
from pipelines.publish import replacing
from pipelines.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "measures.parquet"
KEYS = ("model", "as_of", "version", "family", "name", "subject")


def folder(model: str) -> Path:
    return settings().reports / "drift" / model


def keep(model: str, as_of: date, version: int, measures: Sequence[Measure]) -> Path:
    """Write one night, whole or not at all; the same night again takes its place. Rows are sorted by KEYS."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ordered = sorted(measures, key=lambda each: (each.family, each.name, each.subject))
    table = pa.table({
        "model": [model] * len(ordered), "as_of": [as_of] * len(ordered), "version": [version] * len(ordered),
        "family": [each.family.value for each in ordered], "name": [each.name for each in ordered],
        "subject": [each.subject for each in ordered], "value": [each.value for each in ordered],
        "bound": [each.bound for each in ordered], "status": [each.status.value for each in ordered],
        "detail": [each.detail for each in ordered],
    }, schema=schema())
    path = folder(model) / f"as_of={as_of}" / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as out:
        pq.write_table(table, out, compression="zstd")
    return path


def read(model: str | None = None) -> pa.Table:
    """All nights of a model, or of all models, as one table sorted by KEYS; no rows before the first night."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = settings().reports / "drift"
    paths = sorted(root.glob(f"{model or '*'}/as_of=*/{FILE}"))
    parts = [pq.read_table(path, schema=schema(), partitioning=None) for path in paths]
    whole = pa.concat_tables(parts) if parts else schema().empty_table()
    return whole.sort_by([(name, "ascending") for name in KEYS])


def schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([
        ("model", pa.string()), ("as_of", pa.date32()), ("version", pa.int64()), ("family", pa.string()),
        ("name", pa.string()), ("subject", pa.string()), ("value", pa.float64()), ("bound", pa.float64()),
        ("status", pa.string()), ("detail", pa.string()),
    ])
