"""Folds by subscriber, the same whatever the order of the rows, and the array types of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def clusters(subscriber: Array) -> Array:
    """A whole number per row that stands for its subscriber, (n,): a bootstrap sorts numbers sooner than words."""
    codes = getattr(subscriber, "codes", None)  # of a categorical, whose categories are sorted already
    return np.unique(subscriber, return_inverse=True)[1] if codes is None else np.asarray(codes)


def folds(subscriber: Array, count: int, salt: str, *, are_repeated: bool = True) -> Array:
    """A fold in [0, count) per row, the same for all rows of a subscriber, whatever the order of the rows.

    `are_repeated`: each is in many rows, so the words are found first and hashed once; the folds are the same.
    """
    import pandas as pd

    hashed = pd.util.hash_array(subscriber, hash_key=f"{salt:0<16.16}", categorize=are_repeated)
    return np.asarray(hashed % np.uint64(count), dtype=np.int64)
