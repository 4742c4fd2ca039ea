"""The order of everything published by subscriber: that of subscriber_id, strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def ordered(table: pa.Table) -> pa.Table:
    """By subscriber_id. Most tables are already, and looking costs a hundredth of sorting."""
    return table if is_ordered(table.column("subscriber_id")) else table.sort_by("subscriber_id")


def is_ordered(names: pa.ChunkedArray) -> bool:
    """Whether they rise strictly: sorted, and nobody there twice."""
    import pyarrow.compute as pc

    return pc.all(pc.less(names[:-1], names[1:])).as_py() is not False
