"""Do the two models tell one story? Who rises in risk and in value without a margin reason."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from pipelines import bundle as bundles
from pipelines import valuation
from pipelines.clock import parse_day
from pipelines.gate import Check, coherence, money
from pipelines.models import ltv
from pipelines.models.spec import ModelSpec
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.training.folds import Array, Floats
from pipelines.training.value.periods import STEP_DAYS, History, buckets, drawn
from pipelines.valuation import Outlook

if TYPE_CHECKING:
    import pandas as pd

SUBSCRIBERS = 20_000


def newest_pair(history: History) -> tuple[Array, Array]:
    """Rows of the subscribers active at the newest cut-off and a step before it: (before, after), each (n,)."""
    where = {int(day): number for number, day in enumerate(history.days)}
    earlier = where.get(int(history.days[-1]) - STEP_DAYS)
    if earlier is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    before, after = history.place[earlier], history.place[-1]
    both = (before >= 0) & (after >= 0)
    return before[both], after[both]


def share(before: tuple[Floats, Outlook], after: tuple[Floats, Outlook], monthly_discount: float) -> float:
    """Of the same subscribers at two cut-offs: (P(leave in month one), outlook) each. NaN without subscribers.

    The later value is taken at the earlier margins, so that a rise of it can only come from the survival.
    """
    (risk, old), (risk_now, now) = before, after
    was = old.value(monthly_discount)
    at_old_margins = ltv.expected_margin(now.stay, old.margin, monthly_discount)
    return money.shares({"incoherent": money.incoherent((risk, risk_now), (was, at_old_margins))})["incoherent"]


def of_pair(value: bundles.Bundle, churn: bundles.Bundle, before: pd.DataFrame, after: pd.DataFrame) -> float:
    """`share` of a value version with a churn version on two frames that hold the same subscribers, row by row."""
    terms = value.facts["ltv"]
    sides = []
    for frame in (before, after):
        first = np.asarray(churn.predict(frame), dtype=np.float64)
        sides.append((first, valuation.outlook(value, frame, first, int(terms["months"]))))
    return share(sides[0], sides[1], float(terms["monthly_discount"]))


def of_standing(spec: ModelSpec, value: bundles.Bundle, churn: bundles.Bundle, as_of: date) -> Check:
    """The gate's coherence check on the newest two published nights a step apart, the later at most as_of.

    At most SUBSCRIBERS of those active on both, drawn by hash. Without such a pair the share is unknown: no pass.
    """
    bound = spec.gate.max_incoherent_share
    pair = published_pair(spec, as_of)
    if bound is None or pair is None:
        return coherence(float("nan"), bound if bound is not None else 0.0)
    sides = [_active(day) for day in pair]
    both = np.array(sorted(set(sides[0]) & set(sides[1])), dtype=object)
    both = both[drawn(both, buckets(len(both), SUBSCRIBERS))]
    before, after = (_frame(both, day, (value.feature_service, churn.feature_service)) for day in pair)
    return coherence(of_pair(value, churn, before, after), bound)


def published_pair(spec: ModelSpec, as_of: date) -> tuple[date, date] | None:
    """The newest two nights a step apart whose features are published; None when there are none."""
    nights: set[date] | None = None
    for name in spec.feature_tables:
        entries = Dataset(settings().features / name, ("as_of",)).entries().values()
        days = {parse_day(entry.key["as_of"]) for entry in entries if entry.state == "committed"}
        nights = days if nights is None else nights & days
    step = timedelta(days=STEP_DAYS)
    later = [day for day in nights or () if day <= as_of and day - step in (nights or ())]
    return (max(later) - step, max(later)) if later else None


def _active(day: date) -> list[str]:
    import pyarrow.parquet as pq

    from pipelines.features.frames import verify

    roster = pq.read_table(verify("roster", day), columns=["subscriber_id", "is_active"], partitioning=None)
    return [who for who, is_active in zip(*(roster.column(name).to_pylist() for name in roster.column_names),
                                          strict=True) if is_active]


def _frame(subscribers: Array, day: date, services: tuple[str, str]) -> pd.DataFrame:
    """Features of both services, one row per subscriber in this order."""
    import pandas as pd

    from pipelines import features

    keys = pd.DataFrame({"subscriber_id": subscribers, "event_timestamp": pd.Timestamp(day)})
    found = None
    for service in dict.fromkeys(services):
        part = features.training_frame(service, keys).set_index("subscriber_id").loc[list(subscribers)]
        new = part if found is None else part[[name for name in part.columns if name not in found]]
        found = new if found is None else found.join(new)
    return found.reset_index()  # type: ignore[union-attr]
