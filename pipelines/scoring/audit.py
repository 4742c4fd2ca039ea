"""What a score partition must be before it is published; read back from the file that would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import Held
from pipelines.models.spec import Kind
from pipelines.scoring.table import schema

if TYPE_CHECKING:
    import pyarrow as pa



def audit(path: Path, kind: Kind, active: Sequence[str], unscored: Mapping[str, int]) -> None:
    """Raise Held with every reason why this file may not be published.

    Columns and types, exactly one row per subscriber of the active roster (less those counted in `unscored`), finite
    values within their range, and a first reason for everyone.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path, partitioning=None)
    if table.schema != schema(kind):
        raise Held("scores", [f"columns are {table.schema.names}, expected {schema(kind).names} with their types"])
    reasons = _who(table.column("subscriber_id").to_pylist(), active, unscored)
    ranges = _LIFETIME_VALUE if kind is Kind.FORMULA else _PROBABILITY
    for column, (low, high) in ranges.items():
        reasons += _values(table, column, low, high)
    if table.column("reason_1").null_count and kind is Kind.FORMULA:
        reasons.append(f"{table.column('reason_1').null_count} rows have no first reason")
    if reasons:
        raise Held("scores", reasons, "nothing was published; the last published scores serve until they expire")


_ENDLESS = float("inf")
_PROBABILITY = {"churn_probability": (0.0, 1.0), "decile": (1, 10)}
_LIFETIME_VALUE = {"ltv_eur_12m": (-_ENDLESS, _ENDLESS), "margin_eur_month": (-_ENDLESS, _ENDLESS),
                   "survival_12m": (0.0, 1.0)}


def _who(scored: Sequence[str], active: Sequence[str], unscored: Mapping[str, int]) -> list[str]:
    reasons, expected = [], len(active) - sum(unscored.values())
    if len(scored) != expected:
        reasons.append(f"{len(scored)} rows for {len(active)} active subscribers less {dict(unscored)} left out")
    if len(set(scored)) != len(scored):
        reasons.append(f"{len(scored) - len(set(scored))} subscribers are scored more than once")
    foreign = sorted(set(scored) - set(active))
    if foreign:
        reasons.append(f"{len(foreign)} scored subscribers are not active, for example {foreign[0]}")
    return reasons


def _values(table: pa.Table, column: str, low: float, high: float) -> list[str]:
    import numpy as np

    values: Any = table.column(column).to_numpy()
    reasons = []
    if table.column(column).null_count or not np.isfinite(values).all():
        reasons.append(f"{column}: {int((~np.isfinite(values)).sum())} values are NULL or not finite")
    elif not ((values >= low) & (values <= high)).all():
        reasons.append(f"{column}: {int(((values < low) | (values > high)).sum())} values outside [{low}, {high}]")
    return reasons
