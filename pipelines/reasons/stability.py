"""How many subscribers are told the same reasons as some nights before: who calls twice should hear the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Stability:
    """Of the `subscribers` scored on both nights: the share with the same first theme, and the mean overlap.

    The overlap of two lists of themes is the number they share over the length of the longer one; two empty ones agree.
    """

    subscribers: int
    same_first: float
    overlap: float


def stability(before: pd.DataFrame, after: pd.DataFrame, themes: tuple[str, ...]) -> Stability | None:
    """Compare two nights' themes, columns `themes` in their order, by `subscriber_id`, unique in each.

    None when nobody was scored on both nights. A reason there was not is None, and equal to another such.
    """
    import numpy as np
    import pandas as pd

    columns = ["subscriber_id", *themes]
    both = before[columns].merge(after[columns], on="subscriber_id", validate="one_to_one", suffixes=("_then", "_now"))
    if both.empty:
        return None
    # Themes as numbers, a missing one as -1: a million rows of comparisons instead of a million of sets.
    names = [f"{theme}_{when}" for when in ("then", "now") for theme in themes]
    codes = pd.factorize(both[names].to_numpy(dtype=object).ravel())[0].reshape(len(both), len(names))
    then, now = codes[:, :len(themes)], codes[:, len(themes):]
    return Stability(len(both), float(np.mean(then[:, 0] == now[:, 0])), float(np.mean(_overlap(then, now))))


def _overlap(then: np.ndarray, now: np.ndarray) -> np.ndarray:
    import numpy as np

    shared = ((then[:, :, None] == now[:, None, :]) & (then[:, :, None] >= 0)).any(axis=2).sum(axis=1)
    longer = np.maximum((then >= 0).sum(axis=1), (now >= 0).sum(axis=1))
    return np.where(longer == 0, 1.0, shared / np.maximum(longer, 1))
