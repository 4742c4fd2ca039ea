"""A night's lifetime values: survival and margin by month, the value, its interval, and three reasons.

The arithmetic and its source are `pipelines.models.ltv`, the heads `pipelines.valuation`. Here: whose probability is
month one, and who cannot be valued. A subscriber without a recent margin is left out and counted, never valued at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines import valuation
from pipelines.bundle import Bundle
from pipelines.errors import Held, IntegrityError
from pipelines.models.spec import ModelSpec
from pipelines.publish import Dataset
from pipelines.reasons import value_reasons
from pipelines.scoring.table import CENTS, DIGITS, REASONS
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NO_MARGIN = "no_recent_margin"
TERMS = ("churn_version", "churn_sha256", "months", "monthly_discount", "margin_column", "hazard", "margin", "interval")


def lifetime_value(
    bundle: Bundle, spec: ModelSpec, table: pa.Table, as_of: date
) -> tuple[pa.Table, dict[str, int]]:
    """Scores of all with a margin, and how many had none; columns as `table.schema` has them.

    Raises Held when the pinned churn version did not score this night, or scored other subscribers.
    """
    import pyarrow.compute as pc

    terms = _terms(bundle)
    churn = _churn_scores(str(spec.parameters["survival_from"]), terms, as_of)
    if not churn["subscriber_id"].equals(table["subscriber_id"]):
        raise Held(f"ltv {as_of}", [f"churn v{terms['churn_version']} scored {len(churn)} subscribers, "
                                    f"{len(table)} are active"])
    is_valued = pc.invert(pc.is_null(table[terms["margin_column"]], nan_is_null=True))
    valued = table
    if not pc.all(is_valued).as_py():  # mostly everyone is, and a copy of all columns would be for nothing
        valued, churn = table.filter(is_valued), churn.filter(is_valued)
    if not len(valued):
        raise Held(f"ltv {as_of}", ["nobody has a recent margin"], "look at margin_eur_30d in ftr_subscriber_billing")
    outlook = valuation.outlook(bundle, valued, churn["churn_probability"].to_numpy(), int(terms["months"]))
    without = len(table) - len(valued)
    return _scores(valued, outlook, terms, churn["reason_1"]), ({NO_MARGIN: without} if without else {})


def _scores(
    valued: pa.Table, outlook: valuation.Outlook, terms: Mapping[str, Any], churn_reason: pa.ChunkedArray
) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    rate, months = float(terms["monthly_discount"]), outlook.months
    interval = terms["interval"]
    grouped = valued.select(sorted({terms["margin_column"], interval["by"]} & set(valued.column_names))).to_pandas()
    low, high = outlook.band(rate, float(interval["coverage"]), valuation.moves(interval, grouped))
    stay, margin = np.round(outlook.stay[:, 1:], DIGITS), np.round(outlook.margin, CENTS)
    words = value_reasons(margin[:, 0], stay[:, -1], months, churn_reason)
    return pa.table({
        "subscriber_id": valued["subscriber_id"],
        "ltv_eur_12m": np.round(outlook.value(rate), CENTS),
        "ltv_low_eur_12m": np.round(low, CENTS),
        "ltv_high_eur_12m": np.round(high, CENTS),
        "margin_eur_month": margin[:, 0],
        "survival_12m": stay[:, -1],
        "survival_by_month": _by_month(stay),
        "margin_eur_by_month": _by_month(margin),
        **dict(zip(REASONS, words, strict=True)),
    })


def _by_month(values: np.ndarray) -> pa.Array:
    """One list of months per row."""
    import numpy as np
    import pyarrow as pa

    rows, months = values.shape
    return pa.ListArray.from_arrays(np.arange(0, (rows + 1) * months, months, dtype="int32"), np.ravel(values))


def _terms(bundle: Bundle) -> Mapping[str, Any]:
    """What this version settled on when it was trained: pinned churn version, months, discount, heads, interval."""
    terms: Mapping[str, Any] = bundle.facts.get("ltv") or {}
    absent = [name for name in TERMS if name not in terms]
    if absent:
        raise IntegrityError(f"{bundle.directory}: bundle.json has no ltv.{', ltv.'.join(absent)}; train it again")
    return terms


def _churn_scores(model: str, terms: Mapping[str, Any], as_of: date) -> pa.Table:
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
    return pq.read_table(scores.verify(key), columns=columns, partitioning=None)
