"""The nightly extract: one row for everyone scored that joins the scores of the champions in force, CSV and Parquet."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import cost
from pipelines.errors import Held
from pipelines.governance.veto import without_withdrawn
from pipelines.models import SPECS
from pipelines.models.spec import Kind
from pipelines.publish import Dataset, replacing
from pipelines.scoring.dictionary import (
    BANDS,
    DAY,
    INSTANT,
    LOSS,
    NUMBER,
    TEXT,
    WHOLE,
    YES_NO,
    Column,
    columns,
    of_model,
)
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

log = logging.getLogger(__name__)

# A spreadsheet runs a cell that begins so as a formula (CWE-1236), in some settings also with the full-width form of
# the sign; an apostrophe makes it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ROSTER = ["subscriber_id", "operator", "region", "segment"]
# The columns of a model's scores that people get, with their names in the extract.
COLUMNS = {spec.name: {one.source: one.name for one in of_model(spec) if one.source} for spec in SPECS.values()}


@cost.counted("extract")
def extract(as_of: date) -> Path:
    """Write `extracts/as_of=D/scores.csv`, scores.parquet beside it, and return the former's path.

    Every row says its as_of, the versions and when each score expires. Raises Held when no champion scored this night.
    """
    kept = frame(as_of)
    folder = settings().extracts / f"as_of={as_of.isoformat()}"
    folder.mkdir(parents=True, exist_ok=True)
    write(kept, columns(), folder / "scores.parquet")
    path = folder / "scores.csv"
    write(kept, columns(), path)
    log.info("extract as_of=%s rows=%d", as_of, len(kept))
    return path


def frame(as_of: date) -> pd.DataFrame:
    """The columns of the dictionary, one row per scored subscriber, sorted by subscriber_id.

    A subscriber whom one model left out, or a model without a champion, has missing values there; who withdrew consent
    since, by anything that has landed, is not in it.
    """
    frames = {model: without_withdrawn(model, _of_model(model, scores), as_of, "extract")
              for model in COLUMNS if (scores := published_scores(model, as_of)) is not None}
    if not frames:
        raise Held(f"extract {as_of}", ["no champion in force has scored this night"], f"telco score --as-of {as_of}")
    joined = _roster(as_of)
    for found in frames.values():
        joined = joined.merge(found, on="subscriber_id", how="left", validate="one_to_one")
    scored = set().union(*(found["subscriber_id"] for found in frames.values()))
    kept = joined[joined["subscriber_id"].isin(scored)].sort_values("subscriber_id", ignore_index=True)
    if len(kept) != len(scored):
        raise Held(f"extract {as_of}", [f"{len(scored)} subscribers scored, {len(kept)} of them on the roster"])
    expiries = [f"{model}_expires_at" for model in frames]
    kept = _left_alone(kept, as_of).assign(as_of=as_of, expires_at=kept[expiries].min(axis=1))
    return kept.reindex(columns=[column.name for column in columns()])


def _of_model(model: str, scores: pd.DataFrame) -> pd.DataFrame:
    """subscriber_id and the model's columns by their names in the extract, with the band of a value."""
    named = scores[["subscriber_id", *COLUMNS[model]]].rename(columns=COLUMNS[model])
    if SPECS[model].kind is Kind.FORMULA:
        named[f"{model}_band"] = bands(named["ltv_eur_12m"], named["subscriber_id"])
    return named


def bands(values: pd.Series[float], subscriber_ids: pd.Series[str]) -> pd.Series[str]:
    """The band of each value among all, in words; ties go by subscriber_id, below zero is a loss whatever the rank."""
    import numpy as np
    import pandas as pd

    order = np.lexsort((subscriber_ids.to_numpy(), -values.to_numpy()))
    share = np.empty(len(order))
    share[order] = np.arange(1, len(order) + 1) / max(len(order), 1)
    words = np.select([share <= bound + 1e-12 for bound, _ in BANDS], [word for _, word in BANDS], BANDS[-1][1])
    return pd.Series(np.where(values < 0, LOSS, words), index=values.index, dtype=object)


def _left_alone(kept: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """With the contact policy's three columns."""
    from pipelines.governance.contact import left_alone

    told = left_alone(as_of)
    people = kept["subscriber_id"]
    return kept.assign(
        do_not_contact=people.isin(list(told)),
        do_not_contact_because=people.map({who: one.because for who, one in told.items()}),
        control_group=people.map({who: one.control_of for who, one in told.items() if one.control_of}),
    )


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


def write(kept: pd.DataFrame, wanted: Sequence[Column], path: Path) -> None:
    """Write these columns as CSV, or as Parquet by the name's end; a reader sees the old file or the new one."""
    with replacing(path) as out:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            pq.write_table(_table(kept, wanted), out, compression="zstd")
            return
        text = io.TextIOWrapper(out, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in wanted])
        writer.writerows(zip(*(_cells(kept[column.name]) for column in wanted), strict=True))
        text.detach()  # flushes, and leaves the file open for whoever puts it in its place


def _table(kept: pd.DataFrame, wanted: Sequence[Column]) -> pa.Table:
    """The same columns, typed; texts are made harmless as in CSV, since somebody will make one of it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    types = {TEXT: pa.string(), WHOLE: pa.int64(), NUMBER: pa.float64(), YES_NO: pa.bool_(), DAY: pa.date32(),
             INSTANT: pa.timestamp("us")}
    runs = f"^[{re.escape(''.join(FORMULA_STARTS))}]"
    arrays = []
    for column in wanted:
        values, kind = kept[column.name], types[column.kind]
        told = pa.nulls(len(values), kind) if values.isna().all() else pa.array(values, from_pandas=True).cast(kind)
        if column.kind == TEXT:
            told = pc.if_else(pc.match_substring_regex(told, runs), pc.binary_join_element_wise("'", told, ""), told)
        arrays.append(told)
    return pa.table(arrays, names=[column.name for column in wanted])


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _cells(column: pd.Series[Any]) -> list[str]:
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
    return harmless(value) if isinstance(value, str) else str(value)
