"""What every feed needs to know of the run: the lines, the calendar, and how a day and a line become text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.simulate import words
from pipelines.simulate.arrays import Bools, Columns, Ints, join, text
from pipelines.simulate.canaries import Canaries
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.plants import Plants
from pipelines.simulate.population import ALPHA, Lines
from pipelines.simulate.radio import Cells
from pipelines.simulate.state import NEVER

SECONDS = 86_400
LONGEST_PAST = 4_000  # days before history that a document may speak of


@dataclass(frozen=True)
class Context:
    """The run's fixed facts. Lines never change; whatever does comes with the day's events."""

    lines: Lines
    cells: Cells
    start: date
    stop: int
    seed: int
    plants: Plants
    parameters: Parameters
    currencies: tuple[str, ...]  # by operator
    canaries: Canaries

    @property
    def epoch(self) -> int:
        return int(np.datetime64(self.start, "D").astype(int))

    @property
    def calendar(self) -> Ints:
        """The date of each day of history."""
        return np.datetime64(self.start, "D") + np.arange(self.stop)

    def date(self, day: Ints, missing: Bools | None = None) -> pa.Array:
        days = np.where(day >= NEVER, 0, day).astype(np.int32) + np.int32(self.epoch)
        return pa.array(days, mask=missing).cast(pa.date32())

    def at(self, day: int, line: Ints, hour: int) -> pa.Array:
        """A local time in working hours, far from the hours a clock change skips or repeats."""
        return self.second(day, hour * 3600 + (line.astype(np.int64) * 7919 + day * 104_729) % (9 * 3600))

    def second(self, day: int, second: Ints) -> pa.Array:
        return pa.array((np.int64(day + self.epoch) * SECONDS + second).astype("datetime64[s]"))

    def document(self, kind: str, day: Ints | int, line: Ints, serial: Ints | int = 0) -> pa.Array:
        """Document numbers: the day, the line, and a digit where a line may have several."""
        days = np.datetime64(self.start, "D") + np.asarray(day)
        months = days.astype("datetime64[M]").astype(np.int64)
        stamp = (months // 12 + 1970) * 10_000 + (months % 12 + 1) * 100 + (
            days - days.astype("datetime64[M]")).astype(np.int64) + 1
        return join(kind, text(stamp * 10**9 + line.astype(np.int64) * 10 + serial))

    def of(self, columns: Columns, operator: int) -> Columns:
        """The rows of one operator's lines."""
        keep = self.lines.operator[columns["line"]] == operator
        return {name: values[keep] for name, values in columns.items()}

    def names(self, line: Ints) -> pa.Array:
        """The customer's name of every line."""
        is_business, account = self.lines.is_business[line], self.lines.account[line]
        both = [words.customer_names(self.seed, operator, account, is_business) for operator in range(2)]
        return pc.if_else(pa.array(self.lines.operator[line] == ALPHA), *both)

    def accounts(self, line: Ints) -> pa.Array:
        return words.account_numbers(self.lines.account[line])

    def subscriptions(self, line: Ints) -> pa.Array:
        return words.subscription_ids(self.lines.ordinal[line])
