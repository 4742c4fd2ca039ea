"""One random stream per (seed, purpose, day), so that no draw depends on how many came before it elsewhere."""

from __future__ import annotations

from zlib import crc32

import numpy as np

FIRST_DAY = -100_000  # days are counted from the estate's start and may be negative; seeds may not


def stream(seed: int, purpose: str, day: int = 0) -> np.random.Generator:
    """The generator of one purpose on one day, counted from the start of history."""
    return np.random.default_rng([seed, crc32(purpose.encode()), day - FIRST_DAY])
