"""The jump guard: scores that left the band of the version's last published night wait for a person (F54)."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.clock import parse_day
from pipelines.errors import Held
from pipelines.models.spec import ModelSpec
from pipelines.publish import Dataset
from pipelines.scoring.distribution import jump
from pipelines.scoring.table import measure_column
from pipelines.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

KEYS = ("as_of", "version")


def guard(
    spec: ModelSpec, version: int, as_of: date, scores: pa.Table, accepted: str = "", by: str = ""
) -> dict[str, Any]:
    """What the partition records of a jump that a person accepted; nothing where there was none.

    Compared with the nearest published night of the same version within the spec's days: the one before, else (a
    backfill) the one after; its shadow nights count. Without such a night there is nothing to compare with. A night
    that is published already was looked at then. Raises Held with the figures unless `accepted` says why it is right.
    """
    own = Dataset(settings().scores / spec.name, KEYS)
    if own.entry({"as_of": as_of.isoformat(), "version": str(version)}) is not None:
        return {}
    found = _reference(spec, version, as_of, own)
    if found is None:
        return {}
    night, before = found
    column = scores.column(measure_column(spec)).to_numpy().astype("float64")
    reasons = [check.sentence for check in jump(before, column, spec.jump) if not check.passed]
    if not reasons:
        return {}
    if accepted:
        log.warning("jump accepted model=%s as_of=%s version=%d by=%s: %s", spec.name, as_of, version, by, accepted)
        return {"jump_accepted": {"reason": accepted, "by": by, "against": night.isoformat(), "jump": reasons}}
    raise Held(
        f"{spec.name} v{version} {as_of}: the scores jumped against {night}", reasons,
        f"look at this night's features; where they are right: telco score {spec.name} --as-of {as_of} "
        "--accept-jump REASON. Until then the last published scores serve until they expire",
    )


def _reference(spec: ModelSpec, version: int, as_of: date, own: Dataset) -> tuple[date, Any] | None:
    """The night to compare with and its scores, float64 (rows,)."""
    import pyarrow.parquet as pq

    near: dict[date, Dataset] = {}
    for dataset in (Dataset(settings().shadow / spec.name, KEYS), own):  # what was published takes precedence
        for entry in dataset.entries().values():
            day = parse_day(entry.key["as_of"])
            if entry.key["version"] == str(version) and 0 < abs((day - as_of).days) <= spec.jump.max_age_days:
                near[day] = dataset
    if not near:
        return None
    night = min(near, key=lambda day: (day > as_of, abs((day - as_of).days)))
    path = near[night].verify({"as_of": night.isoformat(), "version": str(version)})
    column = measure_column(spec)
    return night, pq.read_table(path, columns=[column], partitioning=None).column(column).to_numpy().astype("float64")
