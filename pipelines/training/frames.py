"""The training frame: matured labels with the features known at their cut-off, checked before anything is fitted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from pipelines.errors import Held, MissingHistory, NotEnoughData
from pipelines.models.spec import Kind, ModelSpec
from pipelines.ordering import BY_TIME, by_time, rises
from pipelines.progress import Report, silent
from pipelines.publish import Dataset
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from pipelines.governance.purpose import Leave

Names = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]
KEYS = BY_TIME
BYTES_A_ROW: Final = 1_800  # of a training's largest resident memory, measured (docs/reference/scale.md)
ARMS = ("is_contacted_in_window", "is_held_out_in_window")  # what campaigns did while the label was being decided


def check_published(spec: ModelSpec, cutoffs: Sequence[date], as_of: date) -> None:
    """Raise MissingHistory naming every cut-off without published labels or features, and the command for them."""
    datasets = [(settings().labels, spec.label), *((settings().features, name) for name in spec.feature_tables)]
    holes: dict[date, list[str]] = {}
    for root, name in datasets:
        entries = Dataset(root / name, ("as_of",)).entries()
        for cutoff in cutoffs:
            entry = entries.get((cutoff.isoformat(),))
            if entry is None or entry.state != "committed":
                holes.setdefault(cutoff, []).append(name)
    if holes:
        raise MissingHistory(
            f"training {spec.name} at {as_of}",
            [f"cut-off {cutoff}: not published: {', '.join(names)}" for cutoff, names in sorted(holes.items())],
            f"telco bootstrap --from {min(holes)} --to {as_of}",
        )


def most_rows(spec: ModelSpec) -> int:
    """How many labels one training takes: what the spec says, and no more than fit in TELCO_MEMORY_LIMIT."""
    from pipelines.warehouse.size import gigabytes

    return min(spec.split.max_rows, int(gigabytes(settings().memory_limit) * 1e9 / BYTES_A_ROW))


def thinned(spec: ModelSpec, cutoffs: Sequence[date], report: Report = silent) -> tuple[date, ...]:
    """The published cut-offs, or as many of them, evenly spread and the newest with them, as `most_rows` allows; told.

    Weekly cut-offs of a monthly label share three quarters of its days: a large operator loses little by it.
    """
    entries = Dataset(settings().labels / spec.label, ("as_of",)).entries()
    rows = {day: entries[(day.isoformat(),)].rows for day in cutoffs}
    most, kept = most_rows(spec), tuple(cutoffs[-1:])
    for count in range(len(cutoffs), 1, -1):
        spread = tuple(cutoffs[int(place)] for place in np.round(np.linspace(0, len(cutoffs) - 1, count)))
        if sum(rows[day] for day in spread) <= most:
            kept = spread
            break
    if len(kept) < len(cutoffs):
        report(f"{spec.name}: {len(kept)} of {len(cutoffs)} matured cut-offs, evenly spread; all have "
               f"{sum(rows.values()):,} labels, {most:,} are taken at most with {settings().memory_limit} of memory")
    return kept


def labels(
    spec: ModelSpec, cutoffs: Sequence[date], leave: Leave, only: Callable[[Names], Mask] | None = None
) -> pd.DataFrame:
    """Label rows of the cut-offs: subscriber_id, event_timestamp (naive UTC midnight), the label column, and ARMS where
    the mart has them. Rows contacted in their window are left out where the spec says so.

    Only of subscribers who may be trained with: the inner join with consent and region, here and nowhere else.
    `subscriber_id` is categorical with sorted categories: each name is held once, whatever the number of cut-offs.
    `only` says of an array of them whose rows are kept, (n,); one cut-off is held whole at a time.
    """
    import pyarrow as pa

    dataset = Dataset(settings().labels / spec.label, ("as_of",))
    parts = pa.concat_tables([_label_rows(spec, dataset, cutoff, only) for cutoff in cutoffs],
                             promote_options="permissive")
    rows = parts.to_pandas(categories=["subscriber_id"])
    rows = rows.astype({name: "boolean" for name in ARMS if name in rows} | {"event_timestamp": "M8[us]"})
    names = sorted(rows["subscriber_id"].cat.categories)
    rows["subscriber_id"] = rows["subscriber_id"].cat.reorder_categories(names)
    permitted = (leave.why_not(np.array(names, dtype=object)) == "")[rows["subscriber_id"].cat.codes]
    if spec.split.leave_out_contacted and ARMS[0] in rows:
        permitted &= ~rows[ARMS[0]].fillna(False).to_numpy(dtype=bool)
    return by_time(rows[permitted].reset_index(drop=True))


def _label_rows(
    spec: ModelSpec, dataset: Dataset, cutoff: date, only: Callable[[Names], Mask] | None
) -> pa.Table:
    import pyarrow.parquet as pq

    path = dataset.verify({"as_of": cutoff.isoformat()})
    arms = [name for name in ARMS if name in pq.read_schema(path).names]
    rows = pq.read_table(path, columns=["subscriber_id", "event_timestamp", spec.label_column, *arms],
                         partitioning=None)
    if nameless := rows.column("subscriber_id").null_count:
        raise Held(f"training {spec.name}", [f"{nameless} label rows of {spec.label} {cutoff} have no subscriber"],
                   "look at the label mart")
    return rows if only is None else rows.filter(only(rows.column("subscriber_id").to_numpy()))


def check_labels(spec: ModelSpec, rows: pd.DataFrame) -> None:
    """Refuse, with a named reason, labels nothing can be learned from: XGBoost would fit 0 rows without a word."""
    label = rows[spec.label_column]
    reasons = []
    if rows.empty:
        reasons.append("no rows: no subscriber was active at any matured cut-off")
    elif label.isna().any():
        reasons.append(f"unknown labels: {int(label.isna().sum())} of {len(rows)} are null; a label is known or absent")
    else:
        if len(rows) < spec.gate.min_rows:
            reasons.append(f"too few rows: {len(rows)}, at least {spec.gate.min_rows} are needed")
        if spec.kind is Kind.CLASSIFIER:
            reasons += _class_reasons(spec, label.astype("float64"))
    if reasons:
        next_step = "wait for more labels to mature, or look at the label mart"
        raise NotEnoughData(f"training {spec.name}", reasons, next_step)


def _class_reasons(spec: ModelSpec, label: pd.Series[float]) -> list[str]:
    positives = int(label.sum())
    if label.nunique() < 2:
        return [f"one class: all {len(label)} labels are {bool(label.iloc[0])}"]
    if positives < spec.gate.min_positives:
        return [f"too few positives: {positives}, at least {spec.gate.min_positives} are needed"]
    return []


def training_frame(spec: ModelSpec, rows: pd.DataFrame, service: str | None = None) -> pd.DataFrame:
    """Label rows with their features, in the one order everything is fitted in: (event_timestamp, subscriber_id)."""
    from pipelines import features

    frame = by_time(features.training_frame(service or spec.feature_service, rows))
    if len(frame) != len(rows) or not rises(frame):
        raise NotEnoughData(
            f"training {spec.name}", [f"{len(rows)} label rows in, {len(frame)} rows of features out"],
            "compare the label and feature partitions of the cut-offs",
        )
    return frame


def of_cutoffs(frame: pd.DataFrame, cutoffs: Sequence[date]) -> pd.DataFrame:
    """The rows of these cut-offs, in the frame's order, with a fresh index."""
    import pandas as pd

    wanted = pd.to_datetime([cutoff.isoformat() for cutoff in cutoffs]).astype(frame["event_timestamp"].dtype)
    return frame[frame["event_timestamp"].isin(wanted)].reset_index(drop=True)


def digest(frame: pd.DataFrame) -> str:
    """Hex sha256 over every value of every row, whatever the order of rows and columns; missing values count."""
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

    ordered = by_time(frame)
    hashed = hashlib.sha256(str(len(ordered)).encode())
    for name in sorted(ordered.columns):
        values = ordered[name]
        missing = values.isna().to_numpy()
        hashed.update(b"\x00column\x00" + name.encode() + b"\x00" + np.packbits(missing).tobytes())
        if is_datetime64_any_dtype(values):
            hashed.update(values.astype("M8[us]").astype("int64").to_numpy().tobytes())
        elif is_numeric_dtype(values) or is_bool_dtype(values):
            numbers = values.to_numpy(dtype="float64", na_value=np.nan)
            hashed.update(np.where(missing, 0.0, numbers).tobytes())
        else:
            codes, words = pd.factorize(values[~missing].astype(str).to_numpy(dtype=object))
            order = np.argsort(words)  # few words stand in many rows: those are sorted, not the rows
            hashed.update("".join(f"{len(word)}:{word}" for word in words[order]).encode())
            hashed.update(np.argsort(order)[codes].astype(np.int64).tobytes())
    return hashed.hexdigest()


def sample(frame: pd.DataFrame, columns: Sequence[str], *, rows: int, seed: int) -> bytes:
    """At most so many rows of the frame as Parquet bytes, drawn by seed: the reference that drift is measured against.

    Holds event_timestamp and the features; no subscriber, since nothing that reads it needs one.
    """
    import io

    chosen = frame
    if len(frame) > rows:
        places = np.sort(np.random.default_rng(seed).choice(len(frame), size=rows, replace=False))
        chosen = frame.iloc[places]
    buffer = io.BytesIO()
    chosen[["event_timestamp", *columns]].to_parquet(buffer, index=False)
    return buffer.getvalue()
