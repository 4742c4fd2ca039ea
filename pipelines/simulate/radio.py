"""The cells: who made them, where they stand, and on which days they work badly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from pipelines.landing.feeds.network import VENDORS
from pipelines.simulate.arrays import Floats, Ints, mixed
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.streams import stream

REGIONS = ("north", "south", "east", "west", "centre")
LTE_BANDS, NR_BANDS = ("b1", "b3", "b7", "b20"), ("n1", "n28", "n78")


@dataclass(frozen=True)
class Cells:
    """The network as built; element i is cell i. A region has a main vendor and a quarter of the others' cells."""

    seed: int
    count: int

    @cached_property
    def region(self) -> Ints:
        return np.arange(self.count) % len(REGIONS)

    @cached_property
    def vendor(self) -> Ints:
        row = np.arange(self.count) // len(REGIONS)
        others = mixed(self.seed, 3, np.arange(self.count)) % len(VENDORS)
        return np.where((row % 4 == 3) | (self.region == 4), others, self.region % len(VENDORS)).astype(np.int8)

    @cached_property
    def is_nr(self) -> Ints:
        return mixed(self.seed, 4, np.arange(self.count)) % 5 < 2

    @cached_property
    def band(self) -> list[str]:
        code = mixed(self.seed, 9, np.arange(self.count))
        return [NR_BANDS[c % len(NR_BANDS)] if nr else LTE_BANDS[c % len(LTE_BANDS)]
                for c, nr in zip(code.tolist(), self.is_nr.tolist(), strict=True)]

    @cached_property
    def names(self) -> pa.Array:
        """`C00017`: text with leading zeros, as real cell numbers are."""
        return pa.array([f"C{cell:05d}" for cell in range(self.count)])

    @cached_property
    def sites(self) -> pa.Array:
        """Three cells to a site, of one region."""
        return pa.array([f"{REGIONS[cell % 5][0].upper()}{cell // 15:04d}" for cell in range(self.count)])


def cells(seed: int, subscribers: int, parameters: Parameters) -> Cells:
    """As many as the base needs, the same number in every region."""
    wanted = max(parameters.least_cells, subscribers // parameters.subscribers_per_cell)
    return Cells(seed, -(-wanted // len(REGIONS)) * len(REGIONS))


def severity(seed: int, count: int, first_day: int, stop: int, parameters: Parameters) -> Floats:
    """[day - first_day, cell]: 0 on an ordinary day, up to 1 in a bad period. A longer run begins the same."""
    shortest, longest = parameters.bad_radio_days
    grid = np.zeros((stop - first_day + 2 * longest, count), dtype=np.float32)
    # Periods that began before the first day reach into it.
    for day in range(first_day - longest, stop):
        rng = stream(seed, "radio", day)
        starts = rng.random(count) < parameters.bad_radio_start
        length = rng.integers(shortest, longest + 1, count)
        level = rng.uniform(0.4, 1.0, count).astype(np.float32)
        begin = day - first_day + longest
        for cell in np.flatnonzero(starts):
            window = grid[begin:begin + length[cell], cell]
            np.maximum(window, level[cell], out=window)
    return grid[longest: longest + stop - first_day]


def shocks(seed: int, first_day: int, stop: int, parameters: Parameters) -> Floats:
    """[day - first_day, region]: 1 while a competitor campaigns in the region. No file tells of it."""
    grid = np.zeros((stop - first_day + parameters.competitor_days, len(REGIONS)), dtype=np.float32)
    for day in range(first_day, stop):
        starts = stream(seed, "competitor", day).random(len(REGIONS)) < parameters.competitor_start
        grid[day - first_day:day - first_day + parameters.competitor_days, starts] = 1
    return grid[: stop - first_day]
