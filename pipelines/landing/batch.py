"""Drops of one feed, read part by part, checked, and published one by one; each is judged on its own rows."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from pipelines import quality
from pipelines.clock import utc_now
from pipelines.errors import Held, RejectedFile
from pipelines.governance import tombstones
from pipelines.landing import quarantine, raw
from pipelines.landing.contract import Feed, Identifier
from pipelines.landing.control import Control, Damaged, Drop, Seen, open_inside
from pipelines.landing.feeds import counters
from pipelines.landing.frames import Piece, Volume, check_parts, check_volumes, spread
from pipelines.landing.keys import Keys, hashes
from pipelines.landing.reading import PART_BYTES, PART_ROWS, Reading, readings
from pipelines.landing.tokens import Tokens
from pipelines.publish import Entry

log = logging.getLogger(__name__)

SHOWN_LINES = 5  # of a reason, in the words of a rejection


@dataclass(frozen=True)
class Landed:
    """What became of one drop. `rows` are those of its newest version; `quarantined` those kept out.

    `warnings`: what was published all the same and a person should look at.
    """

    feed: str
    dt: date
    state: Literal["published", "duplicate", "absent", "corrected"]
    rows: int
    quarantined: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrival:
    """A drop whose control file agrees with its bytes and which is not in the house yet.

    `usual_rows`: the median rows of the drops before it, None where there are too few to say.
    """

    drop: Drop
    control: Control
    seen: Seen
    standing: Entry | None
    usual_rows: float | None = None

    @property
    def is_small(self) -> bool:
        """Whether it is one part, so that it can be checked together with others."""
        return self.seen.size <= PART_BYTES and self.control.rows < PART_ROWS  # a header is a line too


@dataclass
class Outcome:
    """What became of a batch; `record` gathers what the checks found, for the night's page."""

    record: quality.Record
    landed: list[Landed] = field(default_factory=list)
    failures: list[Held] = field(default_factory=list)


@dataclass
class _Tally:
    """What is known of a drop while its parts go by."""

    arrival: Arrival
    record: quality.Record
    rows: int = 0
    bad: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # the first of each reason
    warnings: dict[str, None] = field(default_factory=dict)
    days: list[np.datetime64] = field(default_factory=list)  # first and last of each part's events
    filled: Counter[str] = field(default_factory=Counter)  # rows in which a watched column is not empty
    cells: set[str] = field(default_factory=set)

    def see(self, piece: Piece) -> None:
        """Note a part before its suite: rows, days, how full it is, columns nobody asked for."""
        feed, table = self.arrival.drop.feed, piece.reading.table
        self.rows += table.num_rows
        self.warnings |= dict.fromkeys(piece.reading.warnings)
        for name in quality.watched(feed):
            self.filled[name] += table.num_rows - table[name].null_count
        if feed.shape.startswith(f"{counters.SOURCE}."):
            self.cells |= set(table[feed.key[0]].unique().to_pylist())
        if piece.sound.size:
            # A row after its drop's day waits in quarantine, and must not make a stale drop look fresh.
            on = raw.event_days(feed, table)[piece.sound]
            on = on[on <= np.datetime64(piece.dt, "D")]
            self.days += [on.min(), on.max()] if on.size else []

    def judge(self, piece: Piece) -> None:
        """Note a part's faults. Raises Damaged when the bad rows are beyond what a sender's slip explains."""
        from expectations.thresholds import MAX_BAD_SHARE

        self.bad += piece.reading.faults.rows().size
        for reason, positions in piece.reading.faults.found:
            self.reasons[reason] += positions.size
            self.lines[reason] += [int(at) + piece.reading.first_line for at in positions[:SHOWN_LINES]]
        rows = self.arrival.control.rows
        # One row is a slip, however small the drop; a drop of nothing else is not.
        if self.bad > MAX_BAD_SHARE * rows and (self.bad > 1 or rows == 1):
            counts = "; ".join(
                f"{reason} ({count} rows, first in {', '.join(map(str, self.lines[reason][:SHOWN_LINES]))})"
                for reason, count in self.reasons.items()
            )
            raise Damaged(f"{self.bad} of {rows} rows are bad, more than {MAX_BAD_SHARE:.0%}: {counts}")

    def found(self, findings: quality.Findings, number: int = 0) -> None:
        """Put on record what a suite found; `number`: which drop of its batch this is."""
        self.record.add(self.arrival.drop.feed.id, self.arrival.drop.dt, findings, number)

    def agree(self) -> None:
        """Raises Damaged when the rows are not those the control file counts."""
        if self.rows != self.arrival.control.rows:
            raise Damaged(f"{self.rows} rows in the data, the control file says {self.arrival.control.rows}")

    def volume(self) -> Volume:
        dt = np.datetime64(self.arrival.drop.dt, "D")
        first, last = (min(self.days), max(self.days)) if self.days else (dt, dt)
        return Volume(
            rows=self.rows, usual_rows=self.arrival.usual_rows, newest_days_before=int((dt - last).astype(int)),
            oldest_days_before=int((dt - first).astype(int)), is_day_zero=self.arrival.control.day_zero,
            is_confirmed=self.arrival.control.volume_confirmed, cells=len(self.cells),
            filled={name: self.filled[name] / max(self.rows, 1) for name in quality.watched(self.arrival.drop.feed)},
        )


def land_batch(feed: Feed, arrivals: Sequence[Arrival], tokens: Tokens, record: quality.Record) -> Outcome:
    """Read, check and publish drops of one feed. A failure of one leaves the others as they are."""
    outcome = Outcome(record)
    whole: list[tuple[_Tally, Piece]] = []
    for arrival in arrivals:
        tally = _Tally(arrival, record)
        if not arrival.is_small:
            _land(tally, _streamed(tally), tokens, outcome)
            continue
        try:
            piece = _only_piece(tally)
            if piece is None:
                _land(tally, _streamed(tally), tokens, outcome)
            else:
                whole.append((tally, piece))
        except Damaged as damage:
            _fail(outcome, arrival, _reject(arrival, damage.reasons))
        except Held as held:
            _fail(outcome, arrival, held)
    if whole:
        _settle(feed, whole, tokens, outcome)
    return outcome


def _only_piece(tally: _Tally) -> Piece | None:
    """A small drop as its one part, after the checks of form; None if it comes in several, as row groups do."""
    arrival = tally.arrival
    found = list(islice(_read(arrival), 2))
    if len(found) > 1:
        return None
    piece = Piece.of(arrival.drop.feed, arrival.drop.dt, found[0])
    tally.see(piece)
    tally.agree()
    if tally.rows:
        _Tally(arrival, tally.record).judge(piece)
    return piece


def _settle(feed: Feed, drops: Sequence[tuple[_Tally, Piece]], tokens: Tokens, outcome: Outcome) -> None:
    """Check drops as one batch; what a check says without naming rows (or crashing) is asked of each drop alone."""
    pieces = [piece for _, piece in drops]
    findings = check_parts(feed, pieces)
    if len(drops) > 1 and (findings.rejected or findings.crashed or findings.warnings):
        for one in drops:
            _settle(feed, [one], tokens, outcome)
        return
    spread(findings, pieces)
    volumes = check_volumes(feed, [tally.volume() for tally, _ in drops])
    for number, ((tally, piece), volume) in enumerate(zip(drops, volumes, strict=True)):
        tally.found(findings, number)
        tally.found(volume)
        _land(tally, _judged(tally, piece, (findings, volume)), tokens, outcome)


def _judged(tally: _Tally, piece: Piece, findings: Sequence[quality.Findings]) -> Iterator[Piece]:
    for found in findings:
        _heed(tally, found)
    tally.judge(piece)
    yield piece


def _streamed(tally: _Tally) -> Iterator[Piece]:
    """A large drop part by part, each checked; raises Damaged or Held as soon as the drop cannot be taken."""
    arrival, feed = tally.arrival, tally.arrival.drop.feed
    keys = Keys(hashes(feed, reading.table) for reading in _read(arrival))
    for reading in _read(arrival):
        piece = Piece.of(feed, arrival.drop.dt, reading, keys)
        tally.see(piece)
        if piece.sound.size:
            findings = check_parts(feed, [piece])
            tally.found(findings)
            _heed(tally, findings)
            spread(findings, [piece])
        tally.judge(piece)
        yield piece
    tally.agree()
    (volume,) = check_volumes(feed, [tally.volume()])
    tally.found(volume)
    _heed(tally, volume)


def _read(arrival: Arrival) -> Iterator[Reading]:
    """The drop's parts, from the very bytes its digest was taken of. A file of a few bytes may hold rows without end,
    so a part that begins after all rows it should have is Damaged."""
    told = arrival.control.rows
    with open_inside(arrival.drop.data) as handle:
        rows = 0
        for reading in readings(arrival.drop.feed, handle):
            if rows and rows + reading.table.num_rows > told:
                raise Damaged(f"more rows than the {told} the control file says")
            rows += reading.table.num_rows
            yield reading
        if not arrival.seen.same(handle):
            raise Held(arrival.drop.name, ["the file changed while it was read"], "let the sender finish; land again")


def _heed(tally: _Tally, findings: quality.Findings) -> None:
    """Note warnings. Raises Held when a check crashed, Damaged when the suite refuses the drop."""
    tally.warnings |= dict.fromkeys(findings.warnings)
    if findings.crashed:
        raise Held(tally.arrival.drop.name,
                   [f"check crashed, so nothing is known: {crash}" for crash in findings.crashed],
                   "mend the check in expectations/raw.py and land again; the drop lies where it was")
    if findings.rejected:
        raise Damaged(*findings.rejected)


def _land(tally: _Tally, pieces: Iterator[Piece], tokens: Tokens, outcome: Outcome) -> None:
    arrival = tally.arrival
    try:
        entry = _publish(tally, pieces, tokens)
    except Damaged as damage:
        _fail(outcome, arrival, _reject(arrival, damage.reasons))
        return
    except Held as held:
        _fail(outcome, arrival, held)
        return
    tally.warnings |= dict.fromkeys(arrival.control.clock_warnings(utc_now()))
    for warning in tally.warnings:
        log.warning("%s: %s", arrival.drop.name, warning)
    is_corrected = len(raw.drops(entry)) > 1 or raw.drops(entry)[0]["version"] > 1
    log.info("landed %s rows=%d quarantined=%d version=%d", arrival.drop.name, entry.rows, tally.bad, entry.version)
    state: Literal["corrected", "published"] = "corrected" if is_corrected else "published"
    feed_id, dt = arrival.drop.feed.id, arrival.drop.dt
    rows = int(raw.drops(entry)[-1]["rows"])
    outcome.landed.append(Landed(feed_id, dt, state, rows, tally.bad, tuple(tally.warnings)))
    words = f"{state}: {rows} rows, {tally.bad} in quarantine"
    outcome.record.note(feed_id, dt, words, sorted(tally.reasons.items()))


def _fail(outcome: Outcome, arrival: Arrival, failure: Held) -> None:
    outcome.failures.append(failure)
    kind = "rejected" if isinstance(failure, RejectedFile) else "held"
    outcome.record.note(arrival.drop.feed.id, arrival.drop.dt, f"{kind}: {'; '.join(failure.reasons)}")


def _publish(tally: _Tally, pieces: Iterator[Piece], tokens: Tokens) -> Entry:
    """Write the good rows beside what is live, part by part; the last part's checks stand before the rename."""
    arrival, drop = tally.arrival, tally.arrival.drop
    feed, dataset, key = drop.feed, raw.dataset(drop.feed), {"dt": drop.dt.isoformat()}
    version, known_on = raw.next_version(drop.dt, arrival.standing, arrival.control.produced_at.date())
    stamp = raw.Stamp(drop.dt, version, known_on, arrival.control.day_zero)
    earlier = arrival.standing if arrival.standing is not None and arrival.standing.state == "committed" else None
    accepted: dict[str, Any] = {
        "version": version, "sha256": arrival.seen.sha256, "rows": 0, "quarantined": 0,
        "known_on": known_on.isoformat(), "produced_at": arrival.control.produced_at.isoformat(),
        "day_zero": arrival.control.day_zero,
    }

    def write(path: Path) -> int:
        with closing(raw.Writer(path, raw.schema(feed))) as writer:
            if earlier is not None:
                writer.copy(dataset.verify(key))
            standing = writer.rows
            waiting, barred = _write_parts(writer, feed, stamp, pieces, tokens)
        quarantine.keep_rows(drop, arrival.seen.sha256, waiting)
        if barred:
            accepted["erased"] = barred
            log.warning("%s: %d rows of erased subscribers were not let in", drop.name, barred)
        accepted["rows"], accepted["quarantined"] = writer.rows - standing, len(waiting)
        if tally.warnings:
            accepted["warnings"] = list(tally.warnings)
        return writer.rows

    key_ids = {kind.value: tokens.key_id(kind) for kind in raw.identifiers(feed)}
    return dataset.publish(
        key, write, known_on=known_on, frozen=False,
        inputs={"drops": [*(raw.drops(earlier) if earlier else []), accepted], "key_ids": key_ids},
    )


def _write_parts(
    writer: raw.Writer, feed: Feed, stamp: raw.Stamp, pieces: Iterator[Piece], tokens: Tokens,
) -> tuple[list[quarantine.Row], int]:
    """Write every part's good rows; returns the bad ones, and how many of both were of erased subscribers and went.

    What the vault is to keep is kept once all are sound.
    """
    waiting: list[quarantine.Row] = []
    barred = 0
    identifiers: dict[tuple[Identifier, str], list[pa.Array]] = defaultdict(list)
    for piece in pieces:
        bad = quarantine.bad_rows(piece.reading)
        waiting += (spared := tombstones.spared_bad(feed, piece.reading, bad, tokens))
        clear = piece.good()
        own, on = raw.tokenised(feed, clear, tokens), raw.event_days(feed, clear)
        barred += len(bad) - len(spared)
        may = tombstones.spared(feed, own, on)
        if may is not None:
            barred += int((~may).sum())
            own, clear, on = own.filter(pa.array(may)), clear.filter(pa.array(may)), on[may]
        writer.add(raw.stamped(feed, own, on, stamp))
        for (kind, operator), values in (raw.clear_identifiers(feed, clear) if feed.vault else ()):
            identifiers[kind, operator].append(values)
    for (kind, operator), arrays in identifiers.items():
        segment = f"{feed.id}.dt={stamp.dt}.v{stamp.version}"
        tokens.keep(kind, operator, pa.concat_arrays(arrays), segment)
    return waiting, barred


def _reject(arrival: Arrival, reasons: tuple[str, ...]) -> RejectedFile:
    kept = quarantine.keep_file(arrival.drop, arrival.seen.sha256, reasons)
    log.warning("rejected %s %s", arrival.drop.name, kept.name)
    return RejectedFile(arrival.drop.name, reasons, quarantine.next_step(kept))
