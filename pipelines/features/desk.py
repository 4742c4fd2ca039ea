"""What a care desk is told about a caller: scores with reasons and expiry, read from the online store only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipelines.clock import midnight
from pipelines.errors import Held, UsageError
from pipelines.features import store
from pipelines.features.online import FACTS, SCORES, high_water


@dataclass(frozen=True)
class Answer:
    """One subscriber at the desk. Missing is None: a model that left the subscriber out, a fact never known."""

    subscriber_id: str
    as_of: date
    expires_at: datetime
    churn_probability: float | None
    churn_decile: int | None
    churn_reasons: str | None
    churn_version: int | None
    ltv_eur_12m: float | None
    ltv_version: int | None
    facts_as_of: date | None
    facts: Mapping[str, Any]


def ask(subscriber_id: str, as_of: date) -> Answer:
    """The newest scores of a subscriber, as far as they may be used on the day `as_of`.

    Raises UsageError for what is not a subscriber_id, for one the store does not know, and for a day before the scores;
    Held when the store is empty, when nobody scored the subscriber, or when the scores have expired.
    """
    if not subscriber_id.startswith("sub_"):  # not echoed: it may be a number somebody is called on
        raise UsageError("lookup: a subscriber is named by subscriber_id (sub_...), never by a number or a name")
    if high_water(SCORES) is None:
        raise Held("lookup", ["the online store is empty: no night's scores were pushed"], "telco night --as-of DAY")
    rows = store.read_rows(subscriber_id)
    scored_on, scores = rows[SCORES]
    facts_on, facts = rows.get(FACTS, (None, {}))
    if scored_on is None and facts_on is None:
        raise UsageError(f"lookup: the online store knows no subscriber {subscriber_id}; it holds those active lately")
    if scored_on is None:
        raise Held(f"lookup {subscriber_id}", [f"known on {facts_on}, but no model has scored this subscriber"])
    if scored_on > as_of:
        instead = f"for {as_of} read extracts/as_of={as_of}/scores.csv"
        raise UsageError(f"lookup: the online store stands at {scored_on}; {instead}")
    expires = scores.pop("expires_at")
    if expires <= midnight(as_of):
        reasons = [f"the scores of {scored_on} expired at {expires:%Y-%m-%dT%H:%MZ}; on {as_of} they may not be used"]
        next_step = f"no longer active, or no night since: telco night --as-of {as_of}"
        raise Held(f"lookup {subscriber_id}", reasons, next_step)
    return Answer(subscriber_id, scored_on, expires, facts_as_of=facts_on, facts=facts, **scores)
