"""A published lifetime value with what it was made of, as far as the night's scores hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipelines.explain.published import Published, Reason, published
from pipelines.models.spec import ModelSpec

MEASURE = "ltv_eur_12m"


@dataclass(frozen=True)
class Value:
    """`measures`: the numbers of the published row. `by_month`: its columns that hold one number per 30-day month.

    `made_of`: what the version settled on when it was trained, and the pinned score's own probability of that night.
    `rank` 1 of `scored` is the highest value.
    """

    model: str
    version: int
    in_force_from: date
    bundle_sha256: str
    feature_service: str
    measures: Mapping[str, float]
    by_month: Mapping[str, tuple[float, ...]]
    made_of: Mapping[str, Any]
    rank: int
    scored: int
    expires_at: datetime
    reasons: tuple[Reason, ...]


def value(spec: ModelSpec, subscriber_id: str, as_of: date) -> Value:
    """The value of the champion in force. Raises Unscored without one, IntegrityError for altered bytes."""
    night = published(spec.name, subscriber_id, as_of, MEASURE)
    numbers = {name: one for name, one in night.row.items() if isinstance(one, float)}
    months = {name: tuple(one) for name, one in night.row.items() if isinstance(one, list)}
    return Value(
        spec.name, night.champion.version, night.champion.from_as_of, night.bundle.sha256,
        night.bundle.feature_service, numbers, months, _made_of(spec, night, subscriber_id, as_of), night.rank,
        night.scored, night.row["expires_at"], night.reasons,
    )


def _made_of(spec: ModelSpec, night: Published, subscriber_id: str, as_of: date) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from pipelines.scoring.nightly import key_of, scores_of

    terms = {name: one for name, one in night.bundle.facts.get("ltv", {}).items()
             if isinstance(one, (str, int, float))}
    source = str(spec.parameters["survival_from"])
    path = scores_of(source).verify(key_of(as_of, int(terms["churn_version"])))
    (churn,) = pq.read_table(path, columns=["churn_probability"], partitioning=None,
                             filters=[("subscriber_id", "=", subscriber_id)]).to_pylist()
    return {**terms, f"{source}_probability": churn["churn_probability"]}
