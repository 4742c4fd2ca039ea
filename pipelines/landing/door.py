"""Landing: wait for nothing, check everything, publish what is sound, and say of each feed what became of its drop."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256
from statistics import median

from pipelines import cost, quality
from pipelines.clock import DAY, days
from pipelines.errors import Held, RejectedFile, UsageError
from pipelines.estate import estate
from pipelines.governance import tombstones
from pipelines.landing import quarantine, raw
from pipelines.landing.batch import Arrival, Landed, land_batch
from pipelines.landing.contract import Feed
from pipelines.landing.control import Control, Damaged, Drop, Seen
from pipelines.landing.senders import feed as sent_feed
from pipelines.landing.tokens import Tokens
from pipelines.progress import Report, silent
from pipelines.publish import Entry, sweep, writing
from pipelines.settings import settings

__all__ = ["Landed", "declare_absent", "land", "land_range", "missing"]

log = logging.getLogger(__name__)

# Small drops are checked together: a check costs about 12 ms whatever its rows, a batch this long about a second.
BATCH_ROWS = 400_000
EMPTY = sha256(b"").hexdigest()
USUAL_DROPS, FEWEST_DROPS, FEWEST_ROWS = 8, 4, 100  # the drops a drop is compared with, and when it is not
_COVERED = "covered by the day-zero dump of "


@cost.counted("land", lambda landed: {
    "rows_in": sum(one.rows + one.quarantined for one in landed), "rows_out": sum(one.rows for one in landed)})
def land(
    as_of: date, *, source: str | None = None, initial: bool = False, report: Report = silent
) -> list[Landed]:
    """Land the drops of `as_of - 1 day`, of one source or of all: one Landed per delivered feed, in contract order.

    Tries every feed before it raises: RejectedFile (a file is in quarantine), Held (a mandatory drop is missing, a
    check crashed, a day-zero dump came unannounced). What landed stays landed; landing again is a no-op for it.
    """
    return land_range(as_of - DAY, as_of - DAY, source=source, initial=initial, report=report)


def land_range(
    first_dt: date, last_dt: date, *, source: str | None = None, initial: bool = False, report: Report = silent
) -> list[Landed]:
    """Land every drop of [first_dt, last_dt] (both included) in one process; same bytes as day by day."""
    if source is not None and source not in estate().sources:
        raise UsageError(f"no such source: {source!r}. This estate has {', '.join(estate().sources)}")
    with writing(settings().home):
        return _land_range(first_dt, last_dt, source, initial, report)


def _land_range(
    first_dt: date, last_dt: date, source: str | None, initial: bool, report: Report
) -> list[Landed]:
    raw.ensure_schemas()
    for folder in (settings().raw, settings().secrets, *settings().vault.glob("*")):
        sweep(folder)
    wanted = [dt for dt in days(first_dt, last_dt + DAY) if estate().expects(dt)]
    tokens, record = Tokens(), quality.Record()
    landed: list[Landed] = []
    failures: list[Held] = []
    for feed_id in estate().delivered(source):
        done, failed = _land_feed(sent_feed(feed_id), wanted, tokens, record, initial)
        landed += done
        failures += failed
        report(_summary(feed_id, wanted, done, failed))
    quality.document(record, settings().reports)
    if failures:
        raise _together(f"landing {first_dt}" + (f"..{last_dt}" if last_dt != first_dt else ""), failures)
    return landed


def declare_absent(feed_id: str, dt: date, reason: str) -> None:
    """Record that the drop of a day will not come. Irrevocable for the nights published: a later file corrects."""
    feed = sent_feed(feed_id)
    if not reason.strip():
        raise UsageError(f"{feed_id} dt={dt}: say why the drop is absent; the reason is kept with the manifest")
    (entry,) = raw.dataset(feed).declare_absent([{"dt": dt.isoformat()}], reason)
    if entry.state != "absent":
        raise Held(f"{feed_id} dt={dt}", [f"{entry.rows} rows are published for this day; it is not absent"])


def missing(as_of: date, window_days: int = 90) -> dict[str, list[date]]:
    """Holes: expected days of [as_of - window_days, as_of) that neither landed nor were declared absent, by feed."""
    holes: dict[str, list[date]] = {}
    for feed_id in estate().delivered():
        present = {key[0] for key in raw.dataset(sent_feed(feed_id)).entries()}
        open_days = [
            dt for dt in days(as_of - window_days * DAY, as_of)
            if estate().expects(dt) and dt.isoformat() not in present
        ]
        if open_days:
            holes[feed_id] = open_days
    return holes


def _land_feed(
    feed: Feed, dts: Sequence[date], tokens: Tokens, record: quality.Record, initial: bool
) -> tuple[list[Landed], list[Held]]:
    """One feed over its days: settle what needs no reading, then check and publish the rest in batches."""
    dataset = raw.dataset(feed)
    dataset.repair([{"dt": dt.isoformat()} for dt in dts])
    for dt in dts:
        sweep(quarantine.directory(Drop(feed, dt)))
    standing = {date.fromisoformat(key[0]): entry for key, entry in dataset.entries().items()}
    landed: list[Landed] = []
    failures: list[Held] = []
    waiting: list[Arrival] = []

    sizes = {
        dt: float(raw.drops(entry)[-1]["rows"]) for dt, entry in standing.items()
        if raw.drops(entry) and not raw.drops(entry)[-1]["day_zero"]
    }

    def flush() -> None:
        outcome = land_batch(feed, waiting, tokens, record)
        landed.extend(outcome.landed)
        failures.extend(outcome.failures)
        waiting.clear()

    covered_before = _day_zero(feed, dts) if initial else None
    for dt in dts:
        if covered_before is not None and dt < covered_before:
            continue
        try:
            found = _triage(Drop(feed, dt), standing.get(dt), initial, sizes)
        except Held as failure:
            failures.append(failure)
            record.note(feed.id, dt, f"not taken: {'; '.join(failure.reasons)}")
            continue
        if isinstance(found, Landed):
            landed.append(found)
            continue
        waiting.append(found)
        if not found.control.day_zero:
            sizes[dt] = float(found.control.rows)
        if sum(arrival.control.rows for arrival in waiting) >= BATCH_ROWS or found.control.day_zero:
            flush()
    flush()
    if covered_before is not None and any(done.dt == covered_before for done in landed):
        # Also when the dump is a duplicate: a kill may have come between its publication and this.
        landed += _cover(feed, covered_before, standing)
    return sorted(landed, key=lambda done: done.dt), failures


def _triage(
    drop: Drop, standing: Entry | None, initial: bool, sizes: dict[date, float]
) -> Landed | Arrival:
    """What a drop is before its data is read: absent, a duplicate, or an arrival. Raises Held or RejectedFile."""
    not_there = drop.missing()
    if not_there is not None:
        return _not_arrived(drop, standing, not_there)
    seen = Seen("0" * 64)
    try:
        control = drop.read_control()
        seen = _seen(drop, control)
        if _is_duplicate(standing, seen):
            log.info("duplicate %s sha256=%s", drop.name, seen.sha256[:12])
            return Landed(drop.feed.id, drop.dt, "duplicate", _newest_rows(standing), 0)
        if control.empty:
            return _declared_empty(drop, standing)
        if control.sha256 != seen.sha256:
            raise Damaged(
                f"sha256 of the data is {seen.sha256[:12]}, the control file says {control.sha256[:12]}")
    except Damaged as damage:
        kept = quarantine.keep_file(drop, seen.sha256, damage.reasons)
        log.warning("rejected %s %s", drop.name, kept.name)
        raise RejectedFile(drop.name, damage.reasons, quarantine.next_step(kept)) from None
    if control.day_zero and not initial:
        raise Held(drop.name, ["a day-zero dump: the knowledge dates of its rows would have to be assumed"],
                   "declare it with: telco bootstrap --initial")
    if standing is not None and str(standing.inputs.get("reason", "")).startswith(_COVERED):
        raise Held(drop.name, [f"{standing.inputs['reason']}: its rows are in the house already"],
                   "remove the file; send what the dump lacks as a correction of its day")
    return Arrival(drop, control, seen, standing, _usual_rows(drop.dt, sizes))


def _seen(drop: Drop, control: Control) -> Seen:
    return Seen(EMPTY) if control.empty else drop.see()


def _newest_rows(standing: Entry | None) -> int:
    """Rows of a drop's newest accepted version."""
    accepted = raw.drops(standing) if standing is not None else []
    return int(accepted[-1]["rows"]) if accepted else 0


def _is_duplicate(standing: Entry | None, seen: Seen) -> bool:
    accepted = raw.drops(standing) if standing is not None and standing.state in ("committed", "purged") else []
    if not accepted:
        return False
    # What an erasure left of a file is that file; of a day whose retention is over nothing comes in again.
    before = tombstones.before_erasure(seen.sha256)
    return accepted[-1]["sha256"] == before or (standing is not None and standing.state == "purged")


def _usual_rows(dt: date, sizes: dict[date, float]) -> float | None:
    """Median rows of the drops just before `dt`; None where there are too few, or too few rows, to say."""
    before = [sizes[day] for day in sorted(day for day in sizes if day < dt)[-USUAL_DROPS:]]
    usual = median(before) if len(before) >= FEWEST_DROPS else 0.0
    return usual if usual >= FEWEST_ROWS else None


def _not_arrived(drop: Drop, standing: Entry | None, why: str) -> Landed:
    """A drop that is not there: fine if it landed before or is declared absent; held if the feed is mandatory."""
    if standing is not None:
        state: Landed = Landed(drop.feed.id, drop.dt, "duplicate", _newest_rows(standing), 0)
        return state if standing.state in ("committed", "purged") else Landed(drop.feed.id, drop.dt, "absent", 0, 0)
    facts = estate().feeds[drop.feed.id]
    if facts.mandatory or why != "nothing was delivered":
        raise Held(drop.name, [f"{why} in {drop.data.parent}"],
                   "deliver the file and its control file, or declare the day absent: "
                   f"telco land --as-of {drop.dt + DAY} --absent FEED --because WHY")
    declare_absent(drop.feed.id, drop.dt, f"optional, and not delivered by its deadline {facts.deadline}")
    return Landed(drop.feed.id, drop.dt, "absent", 0, 0)


def _declared_empty(drop: Drop, standing: Entry | None) -> Landed:
    if standing is not None and standing.state == "committed":
        raise Damaged(f"says the day is empty, and {standing.rows} rows are published; a correction needs its rows")
    declare_absent(drop.feed.id, drop.dt, "declared empty by the source")
    return Landed(drop.feed.id, drop.dt, "absent", 0, 0)


def _day_zero(feed: Feed, dts: Iterable[date]) -> date | None:
    """The day of the dump that holds this feed's history, if one lies among the drops."""
    for dt in sorted(dts, reverse=True):
        drop = Drop(feed, dt)
        try:
            if drop.control.exists() and drop.read_control().day_zero:
                return dt
        except Damaged:
            continue
    return None


def _cover(feed: Feed, dump_dt: date, standing: dict[date, Entry]) -> list[Landed]:
    """Declare every day before a day-zero dump absent: its rows are in the dump."""
    covered = [dt for dt in days(estate().history_start, dump_dt) if dt not in standing]
    raw.dataset(feed).declare_absent([{"dt": dt.isoformat()} for dt in covered], f"{_COVERED}{dump_dt}")
    return [Landed(feed.id, dt, "absent", 0, 0) for dt in covered]


def _together(subject: str, failures: list[Held]) -> Held:
    """One failure speaks for itself; several become one that names them all."""
    if len(failures) == 1:
        return failures[0]
    kind = RejectedFile if all(isinstance(failure, RejectedFile) for failure in failures) else Held
    reasons = [f"{failure.subject}: {reason}" for failure in failures for reason in failure.reasons]
    return kind(subject, reasons, "; ".join(dict.fromkeys(failure.next_step for failure in failures[:5])))


def _summary(feed_id: str, dts: Sequence[date], done: Sequence[Landed], failed: Sequence[Held]) -> str:
    counts: dict[str, int] = {}
    for landed in done:
        counts[landed.state] = counts.get(landed.state, 0) + 1
    states = ", ".join(f"{count} {state}" for state, count in counts.items()) or "nothing"
    rows = sum(landed.rows for landed in done if landed.state in ("published", "corrected"))
    span = f"{dts[0]}" + (f"..{dts[-1]}" if len(dts) > 1 else "") if dts else "no day expected"
    quarantined = sum(landed.quarantined for landed in done)
    warned = sum(len(landed.warnings) for landed in done)
    return f"{feed_id} {span}: {states}; {rows} rows, {quarantined} in quarantine, {len(failed)} held" + (
        f", {warned} warnings" if warned else "")
