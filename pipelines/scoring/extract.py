"""The nightly extract: one row for everyone scored that joins the scores of the champions in force, CSV and Parquet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import cost
from pipelines.errors import Held
from pipelines.governance.contact import left_alone
from pipelines.governance.veto import without_withdrawn
from pipelines.models import SPECS
from pipelines.models.spec import Kind
from pipelines.ordering import is_ordered, ordered
from pipelines.publish import Dataset
from pipelines.scoring.dictionary import BANDS, LOSS, columns, of_model
from pipelines.scoring.sheet import write
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

log = logging.getLogger(__name__)

ROSTER = ["subscriber_id", "operator", "region", "segment"]
# The columns of a model's scores that people get, with their names in the extract.
COLUMNS = {spec.name: {one.source: one.name for one in of_model(spec) if one.source} for spec in SPECS.values()}


@cost.counted("extract")
def extract(as_of: date) -> Path:
    """Write `extracts/as_of=D/scores.csv`, scores.parquet beside it, and return the former's path.

    Every row says its as_of, the versions and when each score expires. Raises Held when no champion scored this night.
    """
    kept = joined(as_of)
    folder = settings().extracts / f"as_of={as_of.isoformat()}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scores.csv"
    write(kept, columns(), folder / "scores.parquet", path)
    log.info("extract as_of=%s rows=%d", as_of, len(kept))
    return path


def joined(as_of: date) -> pa.Table:
    """The columns of the dictionary, one row per scored subscriber, sorted by subscriber_id.

    A subscriber whom one model left out, or a model without a champion, has missing values there; who withdrew consent
    since, by anything that has landed, is not in it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = {model: without_withdrawn(model, _of_model(model, scores), as_of, "extract") for model, names in
             COLUMNS.items() if (scores := published(model, as_of, ["subscriber_id", *names])) is not None}
    if not found:
        raise Held(f"extract {as_of}", ["no champion in force has scored this night"],
                   f"telco score churn --as-of {as_of}")
    scored = _everyone([table["subscriber_id"] for table in found.values()])
    told: dict[str, Any] = {"as_of": pa.repeat(as_of, len(scored))}
    for name, table in {"roster": _roster(as_of), "contact policy": left_alone(as_of), **found}.items():
        people = table["subscriber_id"]
        if not is_ordered(people) and (doubled := len(people) - pc.count_distinct(people).as_py()):
            raise Held(f"extract {as_of}", [f"{name}: {doubled} subscribers are there more than once"])
        table = table if people.equals(scored) else table.take(pc.index_in(scored, people))
        told |= {name: table[name] for name in table.column_names}
    if told["operator"].null_count:
        raise Held(f"extract {as_of}", [f"{len(scored)} subscribers scored, {told['operator'].null_count} of them not "
                                        "on the roster"])
    told |= {"subscriber_id": scored, "do_not_contact": pc.is_valid(told["do_not_contact_because"]),
             "expires_at": pc.min_element_wise(*(told[f"{model}_expires_at"] for model in found))}
    wanted = [column.name for column in columns()]
    return pa.table([told[name] if name in told else pa.nulls(len(scored)) for name in wanted], names=wanted)


def _everyone(scored: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """All who are in one of them, sorted. Most often the longest has them all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    longest = max(scored, key=len)
    others = [one for one in scored if not pc.all(pc.is_in(one, longest)).as_py()]
    people = pa.chunked_array([part for one in (longest, *others) for part in one.chunks], pa.string())
    return ordered(pa.table({"subscriber_id": pc.unique(people) if others else people}))["subscriber_id"]


def _of_model(model: str, scores: pa.Table) -> pa.Table:
    """subscriber_id and the model's columns by their names in the extract, with the band of a value."""
    names = {"subscriber_id": "subscriber_id", **COLUMNS[model]}
    named = scores.select(list(names)).rename_columns(list(names.values()))
    if SPECS[model].kind is Kind.FORMULA:
        named = named.append_column(f"{model}_band", [bands(named.column("ltv_eur_12m").to_numpy())])
    return named


def bands(values: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """The band of each value among all, in words; ties go by the order of the rows, below zero is a loss whatever the
    rank. Shape (n,)."""
    import numpy as np

    share = np.empty(len(values))
    share[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1) / max(len(values), 1)
    words = np.select([share <= bound + 1e-12 for bound, _ in BANDS], [word for _, word in BANDS], BANDS[-1][1])
    return np.where(values < 0, LOSS, words).astype(object)


def published(model: str, as_of: date, columns: Sequence[str] | None = None) -> pa.Table | None:
    """The scores of the champion in force or of who stood in for it, all columns or these, sorted by subscriber_id.

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
    return pq.read_table(path, columns=columns and list(columns), partitioning=None)


def _roster(as_of: date) -> pa.Table:
    import pyarrow.parquet as pq

    from pipelines.features.frames import verify

    return pq.read_table(verify("roster", as_of), columns=ROSTER, partitioning=None)
