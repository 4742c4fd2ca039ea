"""What a score partition must be before it is published; read back from the file that would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import Held
from pipelines.governance.population import Population
from pipelines.models.spec import Kind, ModelSpec
from pipelines.scoring.table import probability_column, schema

if TYPE_CHECKING:
    import pyarrow as pa



def audit(path: Path, spec: ModelSpec, people: Population, unscored: Mapping[str, int]) -> None:
    """Raise Held with every reason why this file may not be published.

    Columns and types, exactly one row per subscriber who may be scored (less those counted in `unscored`), none of
    another region, counts that add up to the roster, finite values within their range, and a first reason for everyone.
    """
    import pyarrow.parquet as pq

    found, wanted, is_formula = pq.read_schema(path), schema(spec), spec.kind is Kind.FORMULA
    if found != wanted:
        raise Held("scores", [f"columns are {found.names}, expected {wanted.names} with their types"])
    ranges = _LIFETIME_VALUE if is_formula else {probability_column(spec.name): (0.0, 1.0), "decile": (1, 10)}
    others = ["reason_1", *_MONTHS] if is_formula else []
    table = pq.read_table(path, columns=["subscriber_id", *ranges, *others], partitioning=None)
    scored = table.column("subscriber_id").combine_chunks()
    people.refuse_others("scores", scored)
    reasons = _who(scored, people, unscored)
    for column, (low, high) in ranges.items():
        reasons += _values(table, column, low, high)
    if is_formula:
        reasons += _by_month(table)
    if is_formula and table.column("reason_1").null_count:
        reasons.append(f"{table.column('reason_1').null_count} rows have no first reason")
    if reasons:
        raise Held("scores", reasons, "nothing was published; the last published scores serve until they expire")


_ENDLESS = float("inf")
_MONTHS = ("survival_by_month", "margin_eur_by_month")
_MONEY = (-_ENDLESS, _ENDLESS)
_LIFETIME_VALUE = {"ltv_eur_12m": _MONEY, "ltv_low_eur_12m": _MONEY, "ltv_high_eur_12m": _MONEY,
                   "margin_eur_month": _MONEY, "survival_12m": (0.0, 1.0)}


def _who(scored: pa.StringArray, people: Population, unscored: Mapping[str, int]) -> list[str]:
    import pyarrow.compute as pc

    reasons, expected = [], len(people.permitted) - sum(unscored.values())
    if len(scored) != expected:
        reasons.append(f"{len(scored)} rows for {len(people.permitted)} active subscribers who may be scored, less "
                       f"{dict(unscored)} left out")
    left_out = people.excluded + Counter(unscored)
    if len(scored) + left_out.total() != people.roster:
        reasons.append(f"{len(scored)} rows and {dict(left_out)} left out do not add up to {people.roster} on the "
                       "roster")
    if scored.equals(people.permitted):  # sorted and each once
        return reasons
    if (doubled := len(scored) - pc.count_distinct(scored, mode="all").as_py()):
        reasons.append(f"{doubled} subscribers are scored more than once")
    foreign = pc.unique(scored.filter(pc.invert(pc.is_in(scored, people.permitted))))
    if len(foreign):
        reasons.append(f"{len(foreign)} scored subscribers are not active or may not be scored, for example "
                       f"{pc.min(foreign)}")
    return reasons


def _by_month(table: pa.Table) -> list[str]:
    """Every month is there and finite, survival is a share and never rises, the interval holds the value."""
    import numpy as np

    reasons: list[str] = []
    months: dict[str, Any] = {}
    for column in _MONTHS:
        values = table.column(column).combine_chunks()
        flat = values.flatten().to_numpy(zero_copy_only=False)
        if values.null_count or len(flat) % max(len(table), 1) or not np.isfinite(flat).all():
            return [f"{column}: a month is NULL or not finite, or rows have different numbers of months"]
        months[column] = flat.reshape(len(table), -1)
    stay = months["survival_by_month"]
    if stay.shape != months["margin_eur_by_month"].shape:
        reasons.append("survival_by_month and margin_eur_by_month differ in their months")
    if ((stay < 0) | (stay > 1)).any() or (np.diff(stay, axis=1) > 0).any():
        reasons.append("survival_by_month: a survival is no share, or rises")
    low, value, high = (table.column(f"ltv_{name}eur_12m").to_numpy() for name in ("low_", "", "high_"))
    outside = int(((value < low) | (value > high)).sum())
    return [*reasons, *([f"ltv_eur_12m: {outside} values outside their own interval"] if outside else [])]


def _values(table: pa.Table, column: str, low: float, high: float) -> list[str]:
    import numpy as np

    values: Any = table.column(column).to_numpy()
    reasons = []
    if table.column(column).null_count or not np.isfinite(values).all():
        reasons.append(f"{column}: {int((~np.isfinite(values)).sum())} values are NULL or not finite")
    elif not ((values >= low) & (values <= high)).all():
        reasons.append(f"{column}: {int(((values < low) | (values > high)).sum())} values outside [{low}, {high}]")
    return reasons
