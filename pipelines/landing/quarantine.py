"""What the door did not let in: rows with their reasons, and whole files with theirs. Sealed: it holds clear names.

    quarantine/<source>/<feed>/dt=YYYY-MM-DD/
        rows.<digest>.jsonl             the bad rows of one accepted file, as they came; never changed
        rows.<digest>.about.json        the file's digest, its header
        rows.<digest>.replayed.json     which of them are in raw/ by now, and what still speaks against the others
        <feed>.<digest>.<form>          a file that was refused, and beside it .reason.json
        <any of these>.discarded.json   why nobody wants it back
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pipelines.estate import estate
from pipelines.landing import raw, sealed
from pipelines.landing.contract import Feed, Form
from pipelines.landing.control import Damaged, Drop, open_inside
from pipelines.landing.reading import Reading
from pipelines.landing.senders import feed as sent_feed
from pipelines.landing.text import blocks
from pipelines.settings import settings

Row = dict[str, Any]  # line: int, reasons: list[str], row: the line as it came, or the values of a Parquet row
State = Literal["waiting", "replayed", "discarded", "superseded", "unpublished"]


def directory(drop: Drop) -> Path:
    """quarantine/<source>/<feed>/dt=YYYY-MM-DD."""
    return settings().quarantine / drop.feed.source / drop.feed.name / f"dt={drop.dt}"


def next_step(kept: Path) -> str:
    """What to do about a rejected file."""
    return f"see {kept.parent}; send the drop again, or mend estate.toml and land again"


def bad_rows(reading: Reading) -> list[Row]:
    """The rows of a part that have faults, with every reason once, in the order of the file."""
    reasons = reasons_by_row(reading)
    rows = reading.as_it_came(list(reasons)) if reasons else []
    return [
        {"line": position + reading.first_line, "reasons": why, "row": row}
        for (position, why), row in zip(reasons.items(), rows, strict=True)
    ]


def reasons_by_row(reading: Reading) -> dict[int, list[str]]:
    """Every reason once, by position in the part, in the order of the file."""
    reasons: dict[int, list[str]] = {int(position): [] for position in reading.faults.rows()}
    for reason, found in reading.faults.found:
        for position in found:
            if reason not in reasons[int(position)]:
                reasons[int(position)].append(reason)
    return reasons


def keep_rows(drop: Drop, digest: str, rows: Sequence[Row]) -> int:
    """Write rows.<digest>.jsonl, one object per bad row, and what it takes to read them again. Returns how many."""
    if rows:
        about = {"feed": drop.feed.id, "dt": drop.dt.isoformat(), "sha256": digest, "header": _header(drop)}
        _write(drop, f"rows.{digest[:12]}.about.json", (json.dumps(about, indent=2) + "\n").encode())
        text = "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)
        _write(drop, f"rows.{digest[:12]}.jsonl", text.encode())
    return len(rows)


def keep_file(drop: Drop, digest: str, reasons: tuple[str, ...]) -> Path:
    """Copy a rejected file beside a reason file that names it. What lies in landing/ stays the sender's.

    What is not a file of its own (a symbolic link) is not copied: it may point at anything. Nor is one larger than a
    drop may be: it would fill the disk that the published days lie on.
    """
    from expectations.thresholds import MAX_FILE_BYTES

    name = f"{drop.feed.name}.{digest[:12]}.{drop.feed.form.value}"
    folder = sealed.folder(directory(drop), settings().quarantine)
    try:
        with open_inside(drop.data) as source:
            if os.fstat(source.fileno()).st_size > MAX_FILE_BYTES:
                raise Damaged("too large to keep")
            sealed.copy(source, folder / name)
    except Damaged:
        name = ""
    row = {
        "file": name, "sha256": digest, "feed": drop.feed.id, "dt": drop.dt.isoformat(), "reasons": list(reasons),
        "accepted_before": len(_accepted(drop.feed, drop.dt)),
    }
    reason_file = folder / f"{name or drop.feed.name}.reason.json"
    sealed.write(reason_file, (json.dumps(row, indent=2, ensure_ascii=False) + "\n").encode())
    return folder / name if name else reason_file


@dataclass(frozen=True)
class Kept:
    """One set in quarantine: the bad rows of one accepted file, or one rejected file.

    `count`: rows that are still out (for a file: 1). `reasons`: how many of them each speaks against, commonest first.
    `state`: waiting; replayed (all are in raw/); discarded (nobody wants them); superseded (the sender sent the drop
    again, and the new file holds what it should); unpublished (the file they came from did not get in yet).
    """

    feed: str
    dt: date
    kind: Literal["rows", "file"]
    digest: str
    count: int
    reasons: dict[str, int]
    state: State
    path: Path


def kept(feed_id: str | None = None, dt: date | None = None) -> list[Kept]:
    """Everything in quarantine, by feed and day, oldest first; of one feed or one day where asked."""
    found: list[Kept] = []
    for name in ([feed_id] if feed_id else [*estate().feeds]):
        feed = sent_feed(name)
        folder = settings().quarantine / feed.source / feed.name
        standing = raw.dataset(feed).entries()
        for day in sorted(folder.glob(f"dt={dt or '*'}")):
            key = day.name.removeprefix("dt=")
            entry = standing.get((key,))
            found += _sets(Drop(feed, date.fromisoformat(key)), raw.drops(entry) if entry is not None else [])
    return found


def waiting_rows(one: Kept) -> list[Row]:
    """The rows of a set that are still out, with the reasons that speak against them now."""
    marked = marks(one.path)
    rescued = {line for replay in marked["replays"] for line in replay["lines"]}
    rows: list[Row] = [json.loads(line) for line in one.path.read_text(encoding="utf-8").splitlines()]
    return [
        {**row, "reasons": marked["reasons"].get(str(row["line"]), row["reasons"])}
        for row in rows if row["line"] not in rescued
    ]


def marks(path: Path) -> dict[str, Any]:
    """What has been replayed of a set of rows: {"replays": [...], "reasons": {line: [...]}}."""
    marking = path.with_suffix(".replayed.json")
    found: dict[str, Any] = json.loads(marking.read_bytes()) if marking.exists() else {"replays": [], "reasons": {}}
    return found


def discard(feed_id: str, dt: date, because: str) -> list[Kept]:
    """Mark what waits of a drop as unwanted; it is purged with its day. Returns what was marked."""
    unwanted = [one for one in kept(feed_id, dt) if one.state in ("waiting", "unpublished")]
    for one in unwanted:
        sealed.write(_discarded(one.path), (json.dumps({"because": because}, ensure_ascii=False) + "\n").encode())
    return unwanted


def _sets(drop: Drop, accepted: Sequence[dict[str, Any]]) -> Iterator[Kept]:
    for path in sorted(directory(drop).glob("rows.*.jsonl")):
        digest = path.name.split(".")[1]
        one = Kept(drop.feed.id, drop.dt, "rows", digest, 0, {}, _rows_state(path, digest, accepted), path)
        rows = waiting_rows(one)
        reasons = Counter(reason for row in rows for reason in row["reasons"])
        state = "replayed" if one.state == "waiting" and not rows else one.state
        yield replace(one, count=len(rows), reasons=dict(reasons.most_common()), state=state)
    for path in sorted(directory(drop).glob("*.reason.json")):
        said = json.loads(path.read_bytes())
        yield Kept(drop.feed.id, drop.dt, "file", said["sha256"][:12], 1, dict.fromkeys(said["reasons"], 1),
                   _file_state(path, said, accepted), path)


def _file_state(path: Path, said: dict[str, Any], accepted: Sequence[dict[str, Any]]) -> State:
    if any(drop["sha256"] == said["sha256"] for drop in accepted):
        return "replayed"
    if _discarded(path).exists():
        return "discarded"
    return "superseded" if len(accepted) > said.get("accepted_before", 0) else "waiting"


def _rows_state(path: Path, digest: str, accepted: Sequence[dict[str, Any]]) -> State:
    if _discarded(path).exists():
        return "discarded"
    mine = [drop["sha256"].startswith(digest) for drop in accepted]
    if not any(mine):
        return "unpublished"
    return "waiting" if mine[-1] else "superseded"


def _accepted(feed: Feed, dt: date) -> list[dict[str, Any]]:
    entry = raw.dataset(feed).entry({"dt": dt.isoformat()})
    return raw.drops(entry) if entry is not None else []


def _discarded(path: Path) -> Path:
    return path.with_name(f"{path.name}.discarded.json")


def _header(drop: Drop) -> str | None:
    """The header line of a CSV drop: its rows cannot be read again without it."""
    if drop.feed.form is not Form.CSV:
        return None
    with open_inside(drop.data) as handle:
        block = next(blocks(handle, drop.feed.dialect.encoding, 65_536, 1))
    return block.partition(b"\n")[0].decode("utf-8").rstrip("\r")


def _write(drop: Drop, name: str, data: bytes) -> None:
    folder = sealed.folder(directory(drop), settings().quarantine)
    sealed.write(folder / name, data)
