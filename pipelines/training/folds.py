"""Folds by subscriber, the same whatever the order of the rows, and the array types of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def folds(subscriber: Array, count: int, salt: str) -> Array:
    """A fold in [0, count) per row, the same for all rows of a subscriber, whatever the order of the rows."""
    import pandas as pd

    hashed = pd.util.hash_array(subscriber, hash_key=f"{salt:0<16.16}", categorize=True)
    return np.asarray(hashed % np.uint64(count), dtype=np.int64)
