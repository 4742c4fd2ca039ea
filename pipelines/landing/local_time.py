"""Local time to UTC: the only place of the house where a time zone is applied.

RFC 5545 section 3.3.5, which is also PEP 495 with fold=0: an hour that occurs twice (autumn) is its first
occurrence; an hour that never occurs (spring) is read with the offset in force before the change.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SECOND = np.int64(1_000_000)
_SLOT = 15 * 60 * _SECOND  # every zone in use changes its offset on a quarter of an hour
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def to_utc(local: pa.Array | pa.ChunkedArray, zone: str) -> pa.Array:
    """Naive local timestamp[us] in `zone` -> naive UTC timestamp[us]; nulls stay null."""
    array = local.combine_chunks() if isinstance(local, pa.ChunkedArray) else local
    micros = pc.fill_null(array.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    slots, where = np.unique(micros // _SLOT, return_inverse=True)
    tz = ZoneInfo(zone)
    offsets = np.array([_offset_seconds(int(slot), tz) for slot in slots], dtype=np.int64)
    utc = micros - (offsets[where] * _SECOND if offsets.size else 0)
    mask = array.is_null().to_numpy(zero_copy_only=False)
    return pa.array(utc, type=pa.int64(), mask=mask).cast(pa.timestamp("us"))


def _offset_seconds(slot: int, tz: ZoneInfo) -> int:
    wall = _EPOCH + timedelta(microseconds=slot * int(_SLOT))
    offset = wall.replace(tzinfo=tz, fold=0).utcoffset()
    return int((offset or timedelta()).total_seconds())
