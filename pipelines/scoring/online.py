"""Tonight's scores for the care desk: one narrow row per subscriber, pushed to the online store when scoring closes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pipelines import cost
from pipelines.errors import Held
from pipelines.governance.veto import without_withdrawn
from pipelines.progress import Report, silent
from pipelines.scoring.extract import published
from pipelines.scoring.table import ACTIONABLE, REASONS

if TYPE_CHECKING:
    import pandas as pd

# Those the view `subscriber_scores` has columns for; every other model is in the extract alone.
MODELS = ("churn", "ltv")
SEPARATOR = "; "
CAN_ACT = " (can be acted on)"


@cost.counted("push")
def push(as_of: date, *, report: Report = silent) -> bool:
    """Push the scores of the champions in force. False when the online store holds a later night: it is left untouched.

    Raises Held when no champion scored this night. Safe to repeat.
    """
    from pipelines import features

    return features.push_scores(as_of, desk_frame(as_of), report=report)


def desk_frame(as_of: date) -> pd.DataFrame:
    """One row per subscriber any champion scored, sorted: churn probability, decile, reasons, lifetime value, expiry.

    What a model did not score is missing. `expires_at` is the earlier of the two, naive UTC.
    """
    import pandas as pd

    found = {model: without_withdrawn(model, scores, as_of, "online").to_pandas() for model in MODELS
             if (scores := published(model, as_of)) is not None}
    if not found:
        reasons = ["no champion in force has scored this night"]
        raise Held(f"online scores {as_of}", reasons, f"telco night --as-of {as_of}")
    parts = [_of(model, frame).set_index("subscriber_id") for model, frame in found.items()]
    joined = pd.concat(parts, axis=1, join="outer").sort_index().rename_axis("subscriber_id").reset_index()
    expiries = [f"{model}_expires_at" for model in found]
    expires = joined[expiries].min(axis=1)
    whole = joined.drop(columns=expiries).assign(expires_at=expires)
    for name in ("churn_probability", "ltv_eur_12m", "churn_decile", "churn_version", "ltv_version", "churn_reasons"):
        if name not in whole:
            whole[name] = None
    integers = dict.fromkeys(("churn_decile", "churn_version", "ltv_version"), "Int64")
    return whole.astype({**integers, "churn_probability": "float64", "ltv_eur_12m": "float64"})


def _of(model: str, frame: pd.DataFrame) -> pd.DataFrame:
    if model == "ltv":
        kept = frame[["subscriber_id", "ltv_eur_12m", "model_version", "expires_at"]]
    else:
        marked = [frame[words].where(~frame[mark], frame[words] + CAN_ACT) for words, mark in zip(REASONS, ACTIONABLE,
                                                                                              strict=True)]
        reasons = [SEPARATOR.join(word for word in words if word) for words in zip(*marked, strict=True)]
        kept = frame[["subscriber_id", "churn_probability", "model_version", "expires_at"]].assign(
            churn_decile=frame["decile"], churn_reasons=reasons)
    return kept.rename(columns={"model_version": f"{model}_version", "expires_at": f"{model}_expires_at"})
