"""The published form of scores: column names, order and types, by the model's spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.models.spec import Kind, ModelSpec
from pipelines.ordering import ordered

if TYPE_CHECKING:
    import pyarrow as pa

# Six digits of a probability and cents of money are published, so that the last bit of an exp() on another machine
# does not change a published byte; deciles are cut on what is published.
DIGITS, CENTS = 6, 2
REASONS = ("reason_1", "reason_2", "reason_3")
THEMES = tuple(f"{name}_theme" for name in REASONS)
ACTIONABLE = tuple(f"{name}_actionable" for name in REASONS)


def probability_column(model: str) -> str:
    """Where a classifier's probability stands in its scores and in the extract."""
    return f"{model}_probability"


def measure_column(spec: ModelSpec) -> str:
    """The column of a score partition that a person would call the score."""
    return "ltv_eur_12m" if spec.kind is Kind.FORMULA else probability_column(spec.name)


def schema(spec: ModelSpec) -> pa.Schema:
    """Columns of a score partition. One row per scored subscriber, sorted by subscriber_id."""
    import pyarrow as pa

    measures = [(probability_column(spec.name), pa.float64()), ("decile", pa.int64())]
    marks = [*((name, pa.string()) for name in THEMES), *((name, pa.bool_()) for name in ACTIONABLE)]
    if spec.kind is Kind.FORMULA:  # its reasons are the two factors of the value: nothing to group, nothing to mark
        marks = []
        measures = [(name, pa.float64()) for name in (
            "ltv_eur_12m", "ltv_low_eur_12m", "ltv_high_eur_12m", "margin_eur_month", "survival_12m",
        )]
        measures += [("survival_by_month", pa.list_(pa.float64())), ("margin_eur_by_month", pa.list_(pa.float64()))]
    return pa.schema([
        ("subscriber_id", pa.string()), ("as_of", pa.date32()), ("model", pa.string()), ("model_version", pa.int64()),
        *measures, *((name, pa.string()) for name in REASONS), *marks, ("expires_at", pa.timestamp("us")),
    ])


def write(table: pa.Table, spec: ModelSpec, path: Path) -> int:
    """Write a score table in its published form; returns the rows."""
    import pyarrow.parquet as pq

    wanted = schema(spec)
    pq.write_table(ordered(table.select(wanted.names)).cast(wanted), path, compression="zstd")
    return len(table)
