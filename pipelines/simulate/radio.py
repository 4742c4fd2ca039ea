"""Bad-radio periods: on some days a cell works badly, and everyone living in it feels that for weeks."""

from __future__ import annotations

import numpy as np

from pipelines.simulate.parameters import Parameters
from pipelines.simulate.population import Floats
from pipelines.simulate.streams import stream


def severity(seed: int, cells: int, first_day: int, stop: int, parameters: Parameters) -> Floats:
    """[day - first_day, cell]: 0 on an ordinary day, up to 1 in a bad period. A longer run begins the same."""
    shortest, longest = parameters.bad_radio_days
    grid = np.zeros((stop - first_day + longest, cells))
    for day in range(first_day, stop):
        rng = stream(seed, "radio", day)
        starts = rng.random(cells) < parameters.bad_radio_start
        length = rng.integers(shortest, longest + 1, cells)
        level = rng.uniform(0.4, 1.0, cells)
        for cell in np.flatnonzero(starts):
            begin = day - first_day
            window = grid[begin:begin + length[cell], cell]
            np.maximum(window, level[cell], out=window)
    return grid[: stop - first_day]
