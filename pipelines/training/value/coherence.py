"""Do the two models tell one story? Who rises in risk and in value without a margin reason."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from pipelines import bundle as bundles
from pipelines import valuation
from pipelines.gate import money
from pipelines.models import ltv
from pipelines.training.recipe import Array, Floats
from pipelines.training.value.periods import STEP_DAYS, History
from pipelines.valuation import Outlook

if TYPE_CHECKING:
    import pandas as pd


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


def step_before(day: date) -> date:
    return day - timedelta(days=STEP_DAYS)
