"""The order of everything by subscriber: that of subscriber_id, strictly; of several nights, by night before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BY_TIME = ["event_timestamp", "subscriber_id"]


def ordered(table: pa.Table) -> pa.Table:
    """By subscriber_id. Most tables are already, and looking costs a hundredth of sorting."""
    return table if is_ordered(table.column("subscriber_id")) else table.sort_by("subscriber_id")


def is_ordered(names: pa.ChunkedArray) -> bool:
    """Whether they rise strictly: sorted, and nobody there twice."""
    import pyarrow.compute as pc

    return pc.all(pc.less(names[:-1], names[1:])).as_py() is not False


def by_time(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by BY_TIME; the frame itself where they are."""
    return frame if rises(frame) else frame.sort_values(BY_TIME, ignore_index=True)


def rises(frame: pd.DataFrame) -> bool:
    """Whether each row is above the one before in BY_TIME: sorted, and none twice."""
    import numpy as np

    stamp, who = frame["event_timestamp"].to_numpy(), frame["subscriber_id"].array
    is_numbered = hasattr(who, "codes") and who.categories.is_monotonic_increasing
    name = np.asarray(who.codes if is_numbered else frame["subscriber_id"].to_numpy(dtype=object))
    return bool(np.all((stamp[1:] > stamp[:-1]) | ((stamp[1:] == stamp[:-1]) & (name[1:] > name[:-1]))))
