"""A night's lifetime values: the recent margin over twelve discounted months at the churn champion's hazard.

The arithmetic and its source are `pipelines.models.ltv.expected_margin`. Here: whose probability, whose margin, and who
cannot be valued. A subscriber without a recent margin is left out and counted, never valued at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.bundle import Bundle
from pipelines.errors import Held, IntegrityError
from pipelines.models.ltv import expected_margin, survival
from pipelines.models.spec import ModelSpec
from pipelines.publish import Dataset
from pipelines.reasons import value_reasons
from pipelines.scoring.table import CENTS, DIGITS, REASONS
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NO_MARGIN = "no_recent_margin"
TERMS = ("churn_version", "churn_sha256", "months", "monthly_discount", "margin_column")


def lifetime_value(
    bundle: Bundle, spec: ModelSpec, frame: pd.DataFrame, as_of: date
) -> tuple[pa.Table, dict[str, int]]:
    """Scores of all with a margin, and how many had none.

    Columns: subscriber_id, ltv_eur_12m, margin_eur_month, survival_12m, reason_1..3. Raises Held when the pinned churn
    version did not score this night, or scored other subscribers.
    """
    import numpy as np
    import pyarrow as pa

    terms = _terms(bundle)
    months, discount, churn_version = int(terms["months"]), float(terms["monthly_discount"]), terms["churn_version"]
    churn = _churn_scores(str(spec.parameters["survival_from"]), terms, as_of)
    if churn["subscriber_id"].tolist() != frame["subscriber_id"].tolist():
        raise Held(f"ltv {as_of}", [f"churn v{churn_version} scored {len(churn)} subscribers, {len(frame)} are active"])
    margin = frame[terms["margin_column"]].to_numpy(dtype="float64", na_value=np.nan)
    valued = ~np.isnan(margin)
    if not valued.any():
        raise Held(f"ltv {as_of}", ["nobody has a recent margin"], "look at margin_eur_30d in ftr_subscriber_billing")
    probability = churn["churn_probability"].to_numpy(dtype="float64")[valued]
    value = np.round(expected_margin(probability, margin[valued], months, discount), CENTS)
    stay = np.round(survival(probability, months), DIGITS)
    words = value_reasons(margin[valued], stay, months, churn["reason_1"][valued])
    table = pa.table({
        "subscriber_id": pa.array(frame["subscriber_id"][valued], pa.string()),
        "ltv_eur_12m": value,
        "margin_eur_month": np.round(margin[valued], CENTS),
        "survival_12m": stay,
        **{name: pa.array(column, pa.string()) for name, column in zip(REASONS, words, strict=True)},
    })
    without = int((~valued).sum())
    return table, ({NO_MARGIN: without} if without else {})


def _terms(bundle: Bundle) -> Mapping[str, Any]:
    """What this version settled on when it was trained: pinned churn version, months, discount, margin column."""
    terms: Mapping[str, Any] = bundle.facts.get("ltv") or {}
    absent = [name for name in TERMS if name not in terms]
    if absent:
        raise IntegrityError(f"{bundle.directory}: bundle.json has no ltv.{', ltv.'.join(absent)}")
    return terms


def _churn_scores(model: str, terms: Mapping[str, Any], as_of: date) -> pd.DataFrame:
    """The pinned version's scores of the same night, sorted by subscriber_id."""
    import pyarrow.parquet as pq

    version, scores = terms["churn_version"], Dataset(settings().scores / model, ("as_of", "version"))
    key = {"as_of": as_of.isoformat(), "version": str(version)}
    entry = scores.entry(key)
    if entry is None:
        made = sorted(one.key["version"] for one in scores.entries().values() if one.key["as_of"] == key["as_of"])
        raise Held(
            f"ltv {as_of}",
            [f"it is pinned to {model} v{version}, which has no scores for this night (there are: {made or 'none'})"],
            f"score {model} first, or train an ltv version that pins the {model} champion in force",
        )
    if entry.inputs.get("bundle") != terms["churn_sha256"]:
        raise IntegrityError(f"{scores.live(key)}: not scored with the {model} v{version} bundle that ltv is pinned to")
    columns = ["subscriber_id", "churn_probability", "reason_1"]
    frame: pd.DataFrame = pq.read_table(scores.verify(key), columns=columns, partitioning=None).to_pandas()
    return frame
