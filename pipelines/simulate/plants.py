"""A scenario laid over the days of one run: what is planted on a day, as the parts of the simulator ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.landing.feeds.network import VENDORS
from pipelines.simulate import scenario as told
from pipelines.simulate.arrays import Bools, Floats, Ints
from pipelines.simulate.hazard import is_free
from pipelines.simulate.population import OPERATORS, Lines, prepaid
from pipelines.simulate.radio import REGIONS, Cells
from pipelines.simulate.scenario import Moment, Scenario
from pipelines.simulate.state import State
from pipelines.simulate.streams import stream


@dataclass(frozen=True)
class Plants:
    """The plants of a scenario; `days` is the length of history that shares are taken of."""

    scenario: Scenario
    days: int
    seed: int

    def day_of(self, moment: Moment) -> int:
        return moment if isinstance(moment, int) else max(round(moment * self.days), 1)

    def _of(self, kind: type) -> list[Any]:
        return [plant for plant in self.scenario.plant if isinstance(plant, kind)]

    def arrival(self, operator: int) -> int:
        """The day from which the files know an operator."""
        return max((self.day_of(one.at) for one in self._of(told.Merger) if one.operator == OPERATORS[operator]),
                   default=0)

    def price_rise(self, lines: Lines, day: int) -> tuple[Ints, float]:
        """Rows whose price rises today by plan, and by how much."""
        for number, one in enumerate(self._of(told.PriceRise)):
            if self.day_of(one.at) == day:
                drawn = stream(self.seed, f"planted rise {number}", day).random(len(lines)) < one.lines
                return np.flatnonzero(drawn & (lines.operator == OPERATORS.index(one.operator))), one.rise
        return np.empty(0, np.int64), 0.0

    def vendor(self, cells: Cells, day: int) -> Ints:
        """The vendor of every cell on a day, index into VENDORS."""
        vendor = cells.vendor
        for one in self._of(told.VendorSwap):
            if self.day_of(one.at) <= day:
                vendor = np.where(cells.region == REGIONS.index(one.region), VENDORS.index(one.vendor), vendor)
        return vendor

    def vendor_since(self, cells: Cells, last: int) -> Ints:
        """The day from which each cell has been what it is on day `last`; 0 from the start of history."""
        since = np.zeros(cells.count, dtype=np.int64)
        for one in self._of(told.VendorSwap):
            day = self.day_of(one.at)
            if day <= last:
                swapped = (cells.region == REGIONS.index(one.region)) & (
                    self.vendor(cells, day - 1) != self.vendor(cells, day))
                since[swapped] = np.maximum(since[swapped], day)
        return since

    def season(self, day: int) -> tuple[float, float]:
        """Factors on usage and on small talk."""
        usage = contacts = 1.0
        for one in self._of(told.Season):
            if self.day_of(one.at) <= day < self.day_of(one.until):
                usage, contacts = usage * one.usage, contacts * one.contacts
        return usage, contacts

    def log_odds(self, lines: Lines, state: State, day: int) -> Floats | float:
        """What the changed law adds to each line's logit."""
        total: Floats | float = 0.0
        for one in self._of(told.Competitor):
            if self.day_of(one.at) <= day:
                total = total + np.float32(one.log_odds) * _who(one.who, lines, state, day)
        return total

    def broken(self, feed: str, day: int, table: pa.Table) -> pa.Table:
        """The table as a broken source sends it."""
        for one in self._of(told.BrokenFeed):
            if one.feed == feed and self.day_of(one.at) <= day < self.day_of(one.until):
                for name in one.columns:
                    place = table.schema.get_field_index(name)
                    zeros = pa.array(np.zeros(table.num_rows, dtype=np.int64)).cast(table.schema.field(place).type)
                    table = table.set_column(place, name, zeros)
        return table

    def planted(self, start: np.datetime64, stop: int) -> list[dict[str, Any]]:
        """What, where and when, for truth/planted.json; `reached` says whether the run got there."""
        found = []
        for plant in self.scenario.plant:
            facts = plant.model_dump()
            for name in ("at", "until"):
                if name in facts:
                    facts[f"{name}_day"] = self.day_of(facts.pop(name))
                    facts[f"{name}_on"] = str(start + np.timedelta64(facts[f"{name}_day"], "D"))
            found.append({**facts, "reached": facts["at_day"] < stop})
        return found


def _who(who: str, lines: Lines, state: State, day: int) -> Bools:
    if who == "prepaid":
        return prepaid(lines)
    if who == "free":
        return is_free(lines, state, day)
    if who == "bound":
        return ~is_free(lines, state, day) & ~prepaid(lines)
    return np.ones(len(lines), dtype=bool)
