"""The figures told apart by operator, region, plan and the like: an average can hide whom a model fails."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipelines.gate import classification, metrics
from pipelines.models.spec import ModelSpec, Slice
from pipelines.training.folds import Floats, clusters

if TYPE_CHECKING:
    import pandas as pd

ROSTER: Final = ("operator", "region", "segment", "age_band")
KEYS: Final = ["subscriber_id", "event_timestamp"]
MISSING: Final = "unknown"
MOST: Final = 10_000  # subscribers of a segment its interval is drawn from


def segments(spec: ModelSpec, judged: pd.DataFrame, predicted: Floats) -> tuple[dict[str, Any], ...]:
    """One row per slice and value with at least `min_segment_rows` rows and twenty leavers, in the order of the spec.

    Keys: slice, value, rows, positives, observed and predicted rate, auc and its 95 % interval (subscribers resampled).
    A slice that names a column neither the frame nor the roster has is left out: an estate may not deliver it.
    """
    label = judged[spec.label_column].to_numpy(dtype=np.float64)
    subscriber = clusters(judged["subscriber_id"].array)
    known = described(judged, [part.column for part in spec.slices if part.column not in judged.columns])
    found = []
    for part in spec.slices:
        if part.column not in known.columns:
            continue
        values = banded(known[part.column], part)
        for value in sorted(set(values)):
            rows = np.flatnonzero(values == value)
            positives = int(label[rows].sum())
            if len(rows) < spec.split.min_segment_rows or positives < spec.split.min_slice_positives:
                continue
            found.append({
                "slice": part.column, "value": value, "rows": len(rows), "positives": positives,
                "observed": float(label[rows].mean()), "predicted": float(predicted[rows].mean()),
                **_ranked(label[rows], predicted[rows], subscriber[rows], spec),
            })
    return tuple(found)


def _ranked(label: Floats, predicted: Floats, subscriber: Any, spec: ModelSpec) -> dict[str, float]:
    low, high = classification.intervals(
        label, predicted, subscriber, rounds=spec.split.interval_rounds, seed=spec.seed, only_auc=True, most=MOST,
    )["auc"]
    return {"auc": metrics.auc(label, predicted), "auc_low": low, "auc_high": high}


def banded(column: pd.Series, part: Slice) -> Any:
    """The value of each row as text, or the band it lies in: `90 to 364`; object (n,)."""
    missing = column.isna().to_numpy()
    if not part.edges:
        words = column.astype(object).astype(str).to_numpy(dtype=object)
    else:
        place = np.digitize(column.to_numpy(dtype=np.float64, na_value=np.nan), part.edges)
        words = np.array([f"below {part.edges[0]:g}", *_bands(part.edges)], dtype=object)[place]
    return np.where(missing, MISSING, words)


def _bands(edges: Sequence[float]) -> list[str]:
    """Numbered, so that they sort as they lie."""
    ends = [f"{low:g} to under {high:g}" for low, high in pairwise(edges)]
    return [f"{number}: {words}" for number, words in enumerate([*ends, f"{edges[-1]:g} and more"], 1)]


def described(judged: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The judged rows' own columns and those the published roster knows of them; what it does not have is left out."""
    import pandas as pd
    import pyarrow.parquet as pq

    from pipelines.publish import Dataset
    from pipelines.settings import settings

    wanted = [name for name in columns if name in ROSTER]
    if not wanted:
        return judged
    dataset, parts = Dataset(settings().features / "roster", ("as_of",)), []
    for stamp in sorted(judged["event_timestamp"].unique()):
        key = {"as_of": pd.Timestamp(stamp).date().isoformat()}
        if dataset.entry(key) is None:
            continue
        path = dataset.verify(key)
        present = [name for name in wanted if name in pq.read_schema(path).names]
        read = pd.read_parquet(path, columns=[*KEYS, *present], partitioning=None)
        parts.append(read.assign(event_timestamp=read["event_timestamp"].astype(judged["event_timestamp"].dtype)))
    if not parts:
        return judged
    keys = judged[KEYS].assign(subscriber_id=judged["subscriber_id"].astype(object))
    told = keys.merge(pd.concat(parts, ignore_index=True), on=KEYS, how="left", validate="one_to_one")
    return judged.assign(**{name: told[name].array for name in told.columns if name not in KEYS})
