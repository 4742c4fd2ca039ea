"""A point-in-time read in plain Python: what a feature row is at a moment, said once more and without Feast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

TTL = timedelta(hours=23, minutes=59, seconds=59)


@dataclass(frozen=True)
class Row:
    """One row of a feature mart: what it says, of whom, when it happened and when it became known."""

    subscriber_id: str
    happened: datetime
    known: datetime
    value: int


def answers(rows: Sequence[Row], subscriber_id: str, moment: datetime) -> set[int | None]:
    """The values that may stand at a moment: the newest row that had happened, was known and had not expired.

    Several only when rows tie in both times; {None} when no row qualifies.
    """
    newest: tuple[datetime, datetime] | None = None
    values: set[int | None] = {None}
    for row in rows:
        if row.subscriber_id != subscriber_id or row.happened > moment or row.known > moment:
            continue
        if moment - row.happened > TTL:
            continue
        order = (row.happened, row.known)
        if newest is None or order > newest:
            newest, values = order, {row.value}
        elif order == newest:
            values.add(row.value)
    return values
