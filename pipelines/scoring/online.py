"""Tonight's scores for the care desk: one narrow row per subscriber, pushed to the online store when scoring closes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines import cost
from pipelines.errors import Held
from pipelines.governance.veto import without_withdrawn
from pipelines.ordering import ordered
from pipelines.progress import Report, silent
from pipelines.scoring.extract import published
from pipelines.scoring.table import ACTIONABLE, REASONS

if TYPE_CHECKING:
    import pyarrow as pa

# Those the view `subscriber_scores` has columns for; every other model is in the extract alone.
MODELS = ("churn", "ltv")
NEEDED = {
    "churn": ("subscriber_id", "churn_probability", "decile", "model_version", *REASONS, *ACTIONABLE, "expires_at"),
    "ltv": ("subscriber_id", "ltv_eur_12m", "model_version", "expires_at"),
}
SEPARATOR = "; "
CAN_ACT = " (can be acted on)"


@cost.counted("push")
def push(as_of: date, *, report: Report = silent) -> bool:
    """Push the scores of the champions in force. False when the online store holds a later night: it is left untouched.

    Raises Held when no champion scored this night. Safe to repeat.
    """
    from pipelines import features

    return features.push_scores(as_of, desk_table(as_of), report=report)


def desk_table(as_of: date) -> pa.Table:
    """One row per subscriber any champion scored, sorted: churn probability, decile, reasons, lifetime value, expiry.

    What a model did not score is missing. `expires_at` is the earlier of the two, naive UTC.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = {model: _of(model, without_withdrawn(model, scores, as_of, "online")) for model in MODELS
             if (scores := published(model, as_of, NEEDED[model])) is not None}
    if not found:
        reasons = ["no champion in force has scored this night"]
        raise Held(f"online scores {as_of}", reasons, f"telco night --as-of {as_of}")
    people = [part for table in found.values() for part in table["subscriber_id"].chunks]
    scored = ordered(pa.table({"subscriber_id": pc.unique(pa.chunked_array(people, pa.string()))}))["subscriber_id"]
    told: dict[str, Any] = {}
    for table in found.values():
        place = pc.index_in(scored, table["subscriber_id"])
        told |= {name: table[name].take(place) for name in table.column_names}
    told |= {"subscriber_id": scored,
             "expires_at": pc.min_element_wise(*(told[f"{model}_expires_at"] for model in found))}
    return pa.table([told[one.name] if one.name in told else pa.nulls(len(scored), one.type) for one in _schema()],
                    schema=_schema())


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([
        ("subscriber_id", pa.string()), ("churn_probability", pa.float64()), ("churn_decile", pa.int64()),
        ("churn_reasons", pa.string()), ("churn_version", pa.int64()), ("ltv_eur_12m", pa.float64()),
        ("ltv_version", pa.int64()), ("expires_at", pa.timestamp("us")),
    ])


def _of(model: str, scores: pa.Table) -> pa.Table:
    """A model's scores by the names of the view, the expiry by its own; the reasons of churn as one text."""
    import pyarrow.compute as pc

    names = {"model_version": f"{model}_version", "expires_at": f"{model}_expires_at", "decile": "churn_decile"}
    if model == "churn":
        words = []
        for reason, mark in zip(REASONS, ACTIONABLE, strict=True):
            said = pc.if_else(pc.equal(scores[reason], ""), None, scores[reason])
            can_act = pc.fill_null(scores[mark], False)
            words.append(pc.if_else(can_act, pc.binary_join_element_wise(said, CAN_ACT, ""), said))
        told = pc.binary_join_element_wise(*words, SEPARATOR, null_handling="skip")
        scores = scores.drop_columns([*REASONS, *ACTIONABLE]).append_column("churn_reasons", told)
    return scores.rename_columns([names.get(name, name) for name in scores.column_names])
