"""The nightly extract: one CSV for retention analysts that joins the scores of the champions in force."""

from __future__ import annotations

import csv
import logging
import os
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import Held
from pipelines.governance.veto import without_withdrawn
from pipelines.models import SPECS
from pipelines.models.spec import Kind, ModelSpec
from pipelines.publish import Dataset
from pipelines.scoring.table import ACTIONABLE, REASONS, THEMES, probability_column
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

# A spreadsheet runs a cell that begins so as a formula (CWE-1236), in some settings also with the full-width form of
# the sign; an apostrophe makes it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ROSTER = ["subscriber_id", "operator", "region", "segment"]
VALUES = ("ltv_eur_12m", "ltv_low_eur_12m", "ltv_high_eur_12m", "margin_eur_month", "survival_12m")


def _columns(spec: ModelSpec) -> dict[str, str]:
    """The columns of a model's scores that people get, with their names in the extract."""
    told: Sequence[str] = (*REASONS, *THEMES, *ACTIONABLE)
    name = probability_column(spec.name)
    measures = {name: name, "decile": f"{spec.name}_decile"}
    if spec.kind is Kind.FORMULA:
        measures, told = dict(zip(VALUES, VALUES, strict=True)), REASONS
    return {**measures, **{name: f"{spec.name}_{name}" for name in told},
            "model_version": f"{spec.name}_version", "expires_at": f"{spec.name}_expires_at"}


COLUMNS = {spec.name: _columns(spec) for spec in SPECS.values()}


def extract(as_of: date) -> Path:
    """Write `extracts/as_of=D/scores.csv` and return its path. UTF-8, comma, header, one row per scored subscriber.

    Sorted by subscriber_id. A subscriber whom one model left out, or a model without a champion, has empty cells there;
    who withdrew consent since, by anything that has landed, is not in it.
    Every row says its as_of, the versions and when each score expires. Raises Held when no champion scored this night.
    """
    frames = {
        model: without_withdrawn(model, frame, as_of, "extract")[["subscriber_id", *COLUMNS[model]]]
        for model in COLUMNS if (frame := published_scores(model, as_of)) is not None
    }
    if not frames:
        raise Held(f"extract {as_of}", ["no champion in force has scored this night"], f"telco score --as-of {as_of}")
    joined = _roster(as_of)
    for model, names in COLUMNS.items():
        frame = frames.get(model)
        if frame is None:
            joined = joined.assign(**dict.fromkeys(names.values()))
        else:
            joined = joined.merge(frame.rename(columns=names), on="subscriber_id", how="left", validate="one_to_one")
    scored = set().union(*(frame["subscriber_id"] for frame in frames.values()))
    kept = joined[joined["subscriber_id"].isin(scored)].sort_values("subscriber_id", ignore_index=True)
    if len(kept) != len(scored):
        raise Held(f"extract {as_of}", [f"{len(scored)} subscribers scored, {len(kept)} of them on the roster"])
    kept.insert(1, "as_of", as_of.isoformat())
    path = settings().extracts / f"as_of={as_of.isoformat()}" / "scores.csv"
    _write(kept, path)
    log.info("extract as_of=%s rows=%d", as_of, len(kept))
    return path


def published_scores(model: str, as_of: date, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
    """The scores of the champion in force or of who stood in for it, all columns or these.

    None when no champion scored this night, or when it did before there were such columns.
    """
    import pyarrow.parquet as pq

    from pipelines.scoring.standing import scored_by

    champion = scored_by(model, as_of)
    if champion is None:
        return None
    scores = Dataset(settings().scores / model, ("as_of", "version"))
    key = {"as_of": as_of.isoformat(), "version": str(champion.version)}
    path = scores.verify(key)
    if not set(columns or ()) <= set(pq.read_schema(path).names):
        return None
    frame: pd.DataFrame = pq.read_table(path, columns=columns and list(columns), partitioning=None).to_pandas()
    return frame


def _roster(as_of: date) -> pd.DataFrame:
    import pyarrow.parquet as pq

    from pipelines.features.frames import verify

    frame: pd.DataFrame = pq.read_table(verify("roster", as_of), columns=ROSTER, partitioning=None).to_pandas()
    return frame


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Write beside and rename, so that a reader sees the old extract or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with beside.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(frame.columns)
            writer.writerows(zip(*(_cells(frame[name]) for name in frame.columns), strict=True))
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _cells(column: pd.Series) -> list[str]:
    """A column's cells. Text and moments are put down once for each distinct value: thousands share one."""
    import numpy as np
    import pandas as pd

    if column.dtype.kind not in "OM":
        return [_cell(value) for value in column.tolist()]
    codes, distinct = pd.factorize(column)
    texts = [*map(_cell, distinct.tolist()), ""]  # pandas codes a missing value as -1: the last one
    told: list[str] = np.array(texts, dtype=object)[codes].tolist()
    return told


def _cell(value: Any) -> str:
    """Text of one cell: missing is empty, a flag yes or no, whole numbers without a point, no text starts a formula."""
    if value is None or value != value:  # NaN and NaT differ from themselves
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.6f}".rstrip("0")
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text
