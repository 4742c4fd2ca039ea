"""How many subscribers are told the same reasons as some nights before: who calls twice should hear the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class Stability:
    """Of the `subscribers` scored on both nights: the share with the same first theme, and the mean overlap.

    The overlap of two lists of themes is the number they share over the length of the longer one; two empty ones agree.
    """

    subscribers: int
    same_first: float
    overlap: float


def stability(before: pa.Table, after: pa.Table, themes: tuple[str, ...]) -> Stability | None:
    """Compare two nights' themes, columns `themes` in their order, by `subscriber_id`, unique in each or ValueError.

    None when nobody was scored on both nights. A reason there was not is missing, and equal to another such.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if any(pc.count_distinct(night["subscriber_id"]).as_py() < len(night) for night in (before, after)):
        raise ValueError("a subscriber is there more than once in a night")
    place = pc.index_in(after["subscriber_id"], before["subscriber_id"])
    both = before.take(place.drop_null()), after.filter(place.is_valid())
    if not len(both[0]):
        return None
    # Themes as numbers, a missing one as -1: a million rows of comparisons instead of a million of sets.
    names = pc.drop_null(pc.unique(pa.chunked_array(
        [chunk for night in both for theme in themes for chunk in night[theme].cast(pa.string()).chunks])))
    then, now = (np.column_stack([
        pc.fill_null(pc.index_in(night[theme].cast(pa.string()), names), -1).to_numpy() for theme in themes
    ]) for night in both)
    return Stability(len(then), float(np.mean(then[:, 0] == now[:, 0])), float(np.mean(_overlap(then, now))))


def _overlap(then: np.ndarray, now: np.ndarray) -> np.ndarray:
    import numpy as np

    shared = ((then[:, :, None] == now[:, None, :]) & (then[:, :, None] >= 0)).any(axis=2).sum(axis=1)
    longer = np.maximum((then >= 0).sum(axis=1), (now >= 0).sum(axis=1))
    return np.where(longer == 0, 1.0, shared / np.maximum(longer, 1))
