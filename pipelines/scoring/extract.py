"""The nightly extract: one row for everyone scored that joins the scores of the champions in force, CSV and Parquet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import Held
from pipelines.governance.veto import without_withdrawn
from pipelines.models import SPECS
from pipelines.models.spec import Kind
from pipelines.publish import Dataset
from pipelines.scoring.dictionary import BANDS, LOSS, columns, of_model
from pipelines.scoring.sheet import write
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

ROSTER = ["subscriber_id", "operator", "region", "segment"]
# The columns of a model's scores that people get, with their names in the extract.
COLUMNS = {spec.name: {one.source: one.name for one in of_model(spec) if one.source} for spec in SPECS.values()}


def extract(as_of: date) -> Path:
    """Write `extracts/as_of=D/scores.csv`, scores.parquet beside it, and return the former's path.

    Every row says its as_of, the versions and when each score expires. Raises Held when no champion scored this night.
    """
    kept = frame(as_of)
    folder = settings().extracts / f"as_of={as_of.isoformat()}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scores.csv"
    write(kept, columns(), folder / "scores.parquet", path)
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
