"""Leaks: a row that arrived after its cut-off, and a feature that alone tells the label, or was written after it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

import numpy as np

from pipelines.errors import Held
from pipelines.gate import metrics
from pipelines.models.spec import ModelSpec
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.training import redundancy
from pipelines.training.folds import Array, Floats, folds
from pipelines.training.recipe import Rows

BINS: Final = 32
MAX_ROWS: Final = 200_000  # drawn by seed: an AUC of .95 with 2 % positives is then known to about .002
_HALVES: Final = 2


def alone(rows: Rows, categorical: Collection[str], *, seed: int) -> dict[str, float]:
    """AUC in [0, 1] of each feature used alone; NaN where a half of the subscribers holds one class only.

    A feature is cut into at most 32 quantile bins (a category is a bin, missing is one more), a row's score is the
    label's mean in its bin among the other half of the subscribers. So a leak shows whatever its shape: falling, in
    the middle, or in what is missing; and rows of one subscriber cannot vouch for each other.
    """
    if len(rows.label) > MAX_ROWS:
        drawn = np.random.default_rng(seed).choice(len(rows.label), size=MAX_ROWS, replace=False)
        rows = rows.take(np.sort(drawn))
    half, by_column = folds(rows.subscriber, _HALVES, "alone"), np.ascontiguousarray(rows.matrix.T)
    return {
        name: _auc(_bins(by_column[place], is_category=name in categorical), rows.label, half)
        for place, name in enumerate(rows.columns)
    }


def beyond(rows: Rows, found: Sequence[redundancy.Derived], *, seed: int) -> dict[str, float]:
    """`alone` of what each derived feature has beyond the two it is made of, named so that the gate's words say it."""
    if not found:
        return {}
    left = np.column_stack([redundancy.beyond(rows, one) for one in found]).astype(np.float32)
    names = tuple(f"{one.feature} beyond {one.told}" for one in found)
    return alone(Rows(left, rows.label, rows.subscriber, names), (), seed=seed)


def _bins(values: Array, *, is_category: bool) -> Array:
    """A bin number from 0 per row; the last is for missing values."""
    is_known = ~np.isnan(values)
    known = values[is_known]
    edges = np.unique(known if is_category else np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else known
    found = np.full(len(values), len(edges) + 1, dtype=np.int64)
    found[is_known] = np.searchsorted(edges, known, side="right")
    return found


def _auc(bins: Array, label: Floats, half: Array) -> float:
    """Mean over the halves of the AUC of the other half's rates, drawn towards the base rate by one row a bin."""
    size = int(bins.max(initial=0)) + 1
    figures = []
    for number in range(_HALVES):
        told, judged = half != number, half == number
        if len(np.unique(label[judged])) < 2 or not told.any():
            return float("nan")
        count = np.bincount(bins[told], minlength=size)
        rate = (np.bincount(bins[told], label[told], minlength=size) + label[told].mean()) / (count + 1)
        stayed, left = (np.bincount(bins[judged], label[judged] == which, minlength=size) for which in (0, 1))
        # A bin's rows have one score: leavers and stayers by bin say what sorting the rows would.
        figures.append(metrics.auc(np.repeat([0, 1], size), np.tile(rate, 2), np.concatenate([stayed, left])))
    return float(np.mean(figures))


def arrival(spec: ModelSpec, cutoffs: Sequence[date]) -> dict[str, int]:
    """How many published feature rows of these cut-offs there are, and how many were created after their cut-off.

    Counted in the partitions and in the day their manifest knows them from. A row that does not say when it was
    created counts as late. Raises Held naming the partitions when there is any: Feast's join passes a late row over,
    so its subscriber would come back without features and nobody would hear why. Altered bytes raise IntegrityError.
    """
    rows, late = 0, []
    for table in spec.feature_tables:
        dataset = Dataset(settings().features / table, ("as_of",))
        entries = dataset.entries()
        for cutoff in cutoffs:
            key = {"as_of": cutoff.isoformat()}
            count, after = _late(dataset.verify(key), cutoff, entries[tuple(key.values())].known_on)
            rows += count
            if after:
                late.append(f"{table} {cutoff}: {after} of {count} rows were created after the cut-off")
    if late:
        raise Held(f"training {spec.name}", late,
                   "what was not known then must not be learned from: find what wrote these partitions, rebuild them")
    return {"rows": rows, "late": 0}


def _late(path: Path, cutoff: date, known_on: str | None) -> tuple[int, int]:
    """Rows of a partition, and those of them created after the cut-off."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows = file.metadata.num_rows
        if "created_at" not in file.schema_arrow.names or (known_on is not None and known_on > cutoff.isoformat()):
            return rows, rows
        created = file.read(columns=["created_at"]).column("created_at")
    start = pa.scalar(datetime.combine(cutoff, time()), type=created.type)
    in_time = pc.sum(pc.less_equal(created, start)).as_py() or 0
    return rows, rows - in_time
