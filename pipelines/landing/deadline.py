"""When a drop is late: its feed's deadline, on the clock of its operator, on the morning after its day.

Before it a missing drop is waited for. After it a mandatory one holds the night and is told of once; an optional one
is declared absent. A day that is long past, as in a backfill, is past its deadline, and nobody waits.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pyarrow as pa

from pipelines import notices
from pipelines.clock import DAY
from pipelines.errors import Held
from pipelines.estate import estate
from pipelines.landing import raw
from pipelines.landing.control import Drop
from pipelines.landing.local_time import to_utc
from pipelines.landing.senders import feed as sent_feed


def due(feed_id: str, dt: date) -> datetime:
    """The instant (UTC) until which the drop of a day may come."""
    facts = estate().feeds[feed_id]
    local = datetime.combine(dt + DAY, time.fromisoformat(facts.deadline))
    zone = estate().operators[facts.operator].time_zone
    instant: datetime = to_utc(pa.array([local], pa.timestamp("us")), zone)[0].as_py()
    return instant.replace(tzinfo=UTC)


def is_past(feed_id: str, dt: date, now: datetime) -> bool:
    """Whether the drop of a day is late at `now` (UTC); at the deadline itself it is."""
    return now >= due(feed_id, dt)


def undelivered(as_of: date, source: str | None = None) -> list[str]:
    """Feeds whose drop for this as_of neither lies in landing/ in full nor is settled in raw/."""
    dt = as_of - DAY
    if not estate().expects(dt):
        return []
    return [
        feed_id for feed_id in estate().delivered(source)
        if Drop(sent_feed(feed_id), dt).missing() is not None
        and raw.dataset(sent_feed(feed_id)).entry({"dt": dt.isoformat()}) is None
    ]


def waiting(as_of: date, now: datetime, source: str | None = None) -> dict[str, datetime]:
    """Feeds worth waiting for at `now`, with their deadlines: not delivered yet, and not late."""
    return {
        feed_id: due(feed_id, as_of - DAY) for feed_id in undelivered(as_of, source)
        if not is_past(feed_id, as_of - DAY, now)
    }


def tell_late(as_of: date, now: datetime, source: str | None = None) -> list[str]:
    """Tell of mandatory feeds that are late: one message for all that are found together, and each drop once whoever
    asks how often. Returns the feeds told of now."""
    dt = as_of - DAY
    told = {}
    for feed_id in undelivered(as_of, source):
        if estate().feeds[feed_id].mandatory and is_past(feed_id, dt, now):
            fact = f"{feed_id} dt={dt} was due {due(feed_id, dt):%F %H:%M} UTC and is not there"
            if notices.claim(f"late.{feed_id}.dt={dt}", fact):
                told[feed_id] = fact
    if told:
        names = [f"late.{feed_id}.dt={dt}" for feed_id in told]
        which = next(iter(told)) if len(told) == 1 else "FEED"
        subject = names[0] if len(told) == 1 else f"late.{source or 'sources'}.dt={dt}"
        notices.tell(names, subject, "\n".join(told.values()) + (
            f": the night {as_of} is held, the scores of the night before serve until they expire. Deliver it, or "
            f"declare it absent: telco land --as-of {as_of} --absent {which} --because ..."))
    return list(told)


def is_told(held: Held, as_of: date) -> bool:
    """Whether all that holds are drops that are not there and that somebody was told of: nobody is to hear it twice."""
    dt = as_of - DAY
    late = {f"{feed_id} dt={dt}" for feed_id in undelivered(as_of) if notices.was_told(f"late.{feed_id}.dt={dt}")}
    named = {held.subject} if held.subject in late else {reason.partition(": ")[0] for reason in held.reasons}
    return bool(named) and named <= late
