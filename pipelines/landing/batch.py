"""Drops of one feed, read, checked together, and published one by one; each is judged on its own rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import quality
from pipelines.errors import Held, RejectedFile
from pipelines.estate import estate
from pipelines.landing import quarantine, raw
from pipelines.landing.contract import Feed, Identifier
from pipelines.landing.control import Control, Damaged, Drop
from pipelines.landing.reading import Reading, read
from pipelines.landing.tokens import Tokens
from pipelines.publish import Entry

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Landed:
    """What became of one drop. `rows` are those of the live partition (all versions); `quarantined` those kept out."""

    feed: str
    dt: date
    state: Literal["published", "duplicate", "absent", "corrected"]
    rows: int
    quarantined: int


@dataclass(frozen=True)
class Arrival:
    """A drop whose control file agrees with its bytes and which is not in the house yet."""

    drop: Drop
    control: Control
    data: bytes
    digest: str
    standing: Entry | None


@dataclass(frozen=True)
class _Read:
    arrival: Arrival
    reading: Reading
    sound: Positions  # rows without a fault of form: what the suite sees


def land_batch(feed: Feed, arrivals: Sequence[Arrival], tokens: Tokens) -> tuple[list[Landed], list[Held]]:
    """Read, check and publish drops of one feed. A failure of one leaves the others as they are."""
    landed: list[Landed] = []
    failures: list[Held] = []
    full: list[_Read] = []
    for arrival in arrivals:
        try:
            found = _read(arrival)
        except Damaged as damage:
            failures.append(_reject(arrival, damage.reasons))
            continue
        if found.sound.size:
            full.append(found)
        else:
            _settle([found], feed, tokens, landed, failures)
    if full:
        _settle(full, feed, tokens, landed, failures)
    return landed, failures


def _read(arrival: Arrival) -> _Read:
    reading = read(arrival.drop.feed, arrival.data)
    rows = reading.table.num_rows
    if rows != arrival.control.rows:
        raise Damaged(f"{rows} rows in the data, the control file says {arrival.control.rows}")
    for warning in reading.warnings:
        log.warning("%s: %s", arrival.drop.name, warning)
    sound = np.setdiff1d(np.arange(rows, dtype=np.int64), reading.faults.rows(), assume_unique=True)
    if rows:
        _too_many(reading)
    return _Read(arrival, reading, sound)


def _settle(
    drops: Sequence[_Read], feed: Feed, tokens: Tokens, landed: list[Landed], failures: list[Held]
) -> None:
    """Check drops as one batch; a check that names no rows (rejected, crashed) is asked again of each drop alone."""
    currency = estate().operators[estate().feeds[feed.id].operator].currency
    findings = quality.check_raw(feed, _frame(feed, drops), currency)
    if len(drops) > 1 and (findings.rejected or findings.crashed):
        for one in drops:
            _settle([one], feed, tokens, landed, failures)
        return
    starts = np.cumsum([0, *(one.sound.size for one in drops)])
    for reason, positions in findings.rows:
        owners = np.searchsorted(starts, positions, side="right") - 1
        for number in np.unique(owners):
            one = drops[number]
            one.reading.faults.found.append((reason, one.sound[positions[owners == number] - starts[number]]))
    for one in drops:
        try:
            landed.append(_judge(one, findings, tokens))
        except Damaged as damage:
            failures.append(_reject(one.arrival, damage.reasons))
        except Held as held:
            failures.append(held)


def _judge(one: _Read, findings: quality.Findings, tokens: Tokens) -> Landed:
    """Publish a drop, or raise Held (a check crashed) or Damaged (the suite refuses it)."""
    drop = one.arrival.drop
    if findings.crashed:
        raise Held(drop.name, [f"check crashed, so nothing is known: {crash}" for crash in findings.crashed],
                   "mend the check in expectations/raw.py and land again; the drop lies where it was")
    if findings.rejected:
        raise Damaged(*findings.rejected)
    _too_many(one.reading)
    quarantined = quarantine.keep_rows(drop, one.arrival.digest, one.arrival.data, one.reading)
    entry = _publish(one, quarantined, tokens)
    corrected = len(raw.drops(entry)) > 1 or raw.drops(entry)[0]["version"] > 1
    log.info("landed %s rows=%d quarantined=%d version=%d", drop.name, entry.rows, quarantined, entry.version)
    return Landed(drop.feed.id, drop.dt, "corrected" if corrected else "published", entry.rows, quarantined)


def _too_many(reading: Reading) -> None:
    """Raise Damaged when the share of bad rows is beyond what a sender's slip explains."""
    from expectations.thresholds import MAX_BAD_SHARE

    bad, rows = reading.faults.rows().size, reading.table.num_rows
    if bad > MAX_BAD_SHARE * rows:
        counts = "; ".join(f"{reason} ({positions.size} rows)" for reason, positions in reading.faults.found)
        raise Damaged(f"{bad} of {rows} rows are bad, more than {MAX_BAD_SHARE:.0%}: {counts}")


def _publish(one: _Read, quarantined: int, tokens: Tokens) -> Entry:
    arrival, drop = one.arrival, one.arrival.drop
    feed, dataset, key = drop.feed, raw.dataset(drop.feed), {"dt": drop.dt.isoformat()}
    version, known_on = raw.next_version(drop.dt, arrival.standing, arrival.control.produced_at.date())
    good = np.setdiff1d(one.sound, one.reading.faults.rows(), assume_unique=True)
    clear = one.reading.table if good.size == one.reading.table.num_rows else one.reading.table.take(pa.array(good))
    own = raw.tokenised(feed, clear, tokens, f"{feed.id}.dt={drop.dt}.v{version}")
    table = raw.stamped(feed, own, drop.dt, version, known_on, day_zero=arrival.control.day_zero)
    earlier = arrival.standing if arrival.standing is not None and arrival.standing.state == "committed" else None
    if earlier is not None:
        table = pa.concat_tables([pq.read_table(dataset.verify(key), partitioning=None), table])
    accepted: dict[str, Any] = {
        "version": version, "sha256": arrival.digest, "rows": int(good.size), "quarantined": quarantined,
        "known_on": known_on.isoformat(), "produced_at": arrival.control.produced_at.isoformat(),
        "day_zero": arrival.control.day_zero,
    }
    key_ids = {kind.value: tokens.key_id(kind) for kind in raw.identifiers(feed)}
    return dataset.publish(
        key, lambda path: raw.write(table, path), known_on=known_on, frozen=False,
        inputs={"drops": [*(raw.drops(earlier) if earlier else []), accepted], "key_ids": key_ids},
    )


def _reject(arrival: Arrival, reasons: tuple[str, ...]) -> RejectedFile:
    kept = quarantine.keep_file(arrival.drop, arrival.digest, arrival.data, reasons)
    log.warning("rejected %s %s", arrival.drop.name, kept.name)
    return RejectedFile(arrival.drop.name, reasons, f"see {kept.parent}; send the drop again")


def _frame(feed: Feed, drops: Sequence[_Read]) -> pd.DataFrame:
    """The batch the suite sees: sound rows of all drops. Identifiers are codes: the checks need no clear ones."""
    table = pa.concat_tables([one.reading.table.take(pa.array(one.sound)) for one in drops]).combine_chunks()
    number = np.repeat(np.arange(len(drops)), [one.sound.size for one in drops])
    dts = np.array([one.arrival.drop.dt for one in drops], dtype="datetime64[D]")
    event_on = pc.cast(table[feed.event_time], pa.date32(), safe=False).to_numpy().astype("datetime64[D]")
    columns: dict[str, Any] = {"_drop": pa.array(number), "_days_after_drop": (event_on - dts[number]).astype(np.int64)}
    for column in feed.columns:
        if column.identifier in (Identifier.NAME, Identifier.FREE_TEXT):
            continue
        array = table[column.name].combine_chunks()
        if pa.types.is_string(array.type):
            array = array.dictionary_encode()
            if column.identifier is not None or not (column.values or column.name == "currency"):
                array = pc.fill_null(array.indices, -1)
        columns[column.name] = array
    frame: pd.DataFrame = pa.table(columns).to_pandas(date_as_object=False)
    return frame
