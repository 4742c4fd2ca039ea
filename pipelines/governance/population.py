"""Who a night scores: everyone active who may be scored, and everyone else counted by the reason they are left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.errors import Held
from pipelines.governance import residency
from pipelines.governance.purpose import Leave, leave
from pipelines.models.spec import Purpose

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Population:
    """`permitted` (sorted) and the counts of `excluded` add up to `roster`. `operator_of` has everyone active."""

    as_of: date
    roster: int
    permitted: list[str] = field(repr=False)
    excluded: Counter[str]
    leave: Leave
    operator_of: dict[str, str] = field(repr=False)

    def only(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a scoring frame that may be scored: the last join before a model sees them.

        Raises Held when one of them is of another region all the same, so that nothing is made of it.
        """
        kept = frame[frame["subscriber_id"].isin(set(self.permitted))].reset_index(drop=True)
        self.refuse_others(f"scoring frame {self.as_of}", kept["subscriber_id"].tolist())
        return kept

    def refuse_others(self, subject: str, subscribers: list[str]) -> None:
        """Raise Held when one of these active subscribers is of another region than the run's."""
        known = self.operator_of
        residency.refuse_others(subject, [known[one] for one in subscribers if one in known])


def population(purpose: Purpose, as_of: date) -> Population:
    """Who may be scored for this purpose at as_of, by the roster and by what was consented to as known then.

    Raises Held when somebody is neither active nor left out for a reason, and when nobody may be scored.
    """
    import numpy as np
    import pyarrow.parquet as pq

    from pipelines.features.frames import verify

    columns = ["subscriber_id", "operator", "is_active", "exclusion"]
    roster = pq.read_table(verify("roster", as_of), columns=columns, partitioning=None)
    operator_of, excluded = {}, Counter[str]()
    for subscriber, operator, is_active, exclusion in zip(*(roster.column(name).to_pylist() for name in columns),
                                                          strict=True):
        if is_active:
            operator_of[subscriber] = operator
        elif exclusion is None:
            raise Held(f"roster {as_of}", [f"{subscriber} is neither active nor excluded for a reason"])
        else:
            excluded[exclusion] += 1
    may = leave(purpose, as_of)
    active: Any = np.array(sorted(operator_of), dtype=object)
    why_not = may.why_not(active)
    excluded += Counter(why_not[why_not != ""].tolist())
    permitted = active[why_not == ""].tolist()
    if not permitted:
        raise Held(f"{purpose} {as_of}", [f"nobody of {len(active)} active subscribers may be processed: "
                                          f"{dict(sorted(excluded.items()))}"],
                   "look at what landed as governance.consents, and at TELCO_REGIONS")
    return Population(as_of, len(roster), permitted, excluded, may, operator_of)
