"""Who a night scores: everyone active who may be scored, and everyone else counted by the reason they are left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.errors import Held
from pipelines.governance import residency
from pipelines.governance.purpose import Leave, leave
from pipelines.models.spec import Purpose
from pipelines.ordering import ordered

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Population:
    """`permitted` and the counts of `excluded` add up to `roster`. Subscribers are sorted; `operators` and `may` (be
    scored) are of `active`, one for one."""

    as_of: date
    roster: int
    active: pa.StringArray = field(repr=False)
    operators: pa.StringArray = field(repr=False)
    may: pa.BooleanArray = field(repr=False)
    excluded: Counter[str]
    leave: Leave

    @cached_property
    def permitted(self) -> pa.StringArray:
        """Who may be scored, sorted."""
        return self.active.filter(self.may)

    def only(self, table: pa.Table) -> pa.Table:
        """The rows of a scoring table that may be scored: the last join before a model sees them.

        Raises Held when one of them is of another region all the same, so that nothing is made of it.
        """
        import pyarrow.compute as pc

        found = table["subscriber_id"].combine_chunks()
        may = self.may if found.equals(self.active) else pc.is_in(found, self.permitted)
        self.refuse_others(f"scoring frame {self.as_of}", found.filter(may))
        return table.filter(may)

    def refuse_others(self, subject: str, subscribers: pa.StringArray) -> None:
        """Raise Held when one of these active subscribers is of another region than the run's."""
        import pyarrow.compute as pc

        if subscribers.equals(self.permitted):
            operators = self.operators.filter(self.may)
        else:
            operators = self.operators.take(pc.drop_null(pc.index_in(subscribers, self.active)))
        if residency.outside(pc.unique(operators).to_pylist()):
            residency.refuse_others(subject, operators.to_pylist())


def population(purpose: Purpose, as_of: date) -> Population:
    """Who may be scored for this purpose at as_of, by the roster and by what was consented to as known then.

    Raises Held when somebody is neither active nor left out for a reason, and when nobody may be scored.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from pipelines.features.frames import verify

    columns = ["subscriber_id", "operator", "is_active", "exclusion"]
    roster = pq.read_table(verify("roster", as_of), columns=columns, partitioning=None)
    is_active = pc.fill_null(roster["is_active"], False)
    left_out = roster.filter(pc.invert(is_active))
    untold = left_out.filter(pc.is_null(left_out["exclusion"]))["subscriber_id"]
    if len(untold):
        raise Held(f"roster {as_of}", [f"{untold[0]} is neither active nor excluded for a reason"])
    excluded = Counter({one["values"]: one["counts"] for one in pc.value_counts(left_out["exclusion"]).to_pylist()})
    active = ordered(roster.filter(is_active))
    people, operators = (active[name].combine_chunks() for name in ("subscriber_id", "operator"))
    may = leave(purpose, as_of)
    why_not = may.why_not(people)
    excluded += Counter(why_not[why_not != ""].tolist())
    if not (why_not == "").any():
        raise Held(f"{purpose} {as_of}", [f"nobody of {len(people)} active subscribers may be processed: "
                                          f"{dict(sorted(excluded.items()))}"],
                   "look at what landed as governance.consents, and at TELCO_REGIONS")
    return Population(as_of, len(roster), people, operators, pa.array(why_not == ""), excluded, may)
