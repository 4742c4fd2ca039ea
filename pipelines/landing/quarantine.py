"""What the door did not let in: rows with their reasons, and whole files with theirs. Sealed: it holds clear names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.landing import sealed
from pipelines.landing.control import Damaged, Drop, open_inside
from pipelines.landing.reading import Reading
from pipelines.settings import settings


def directory(drop: Drop) -> Path:
    """quarantine/<source>/<feed>/dt=YYYY-MM-DD."""
    return settings().quarantine / drop.feed.source / drop.feed.name / f"dt={drop.dt}"


Row = dict[str, Any]  # line: int, reasons: list[str], row: the line as it came, or the values of a Parquet row


def bad_rows(reading: Reading) -> list[Row]:
    """The rows of a part that have faults, with every reason once, in the order of the file."""
    positions = reading.faults.rows()
    if not positions.size:
        return []
    reasons: dict[int, list[str]] = {int(position): [] for position in positions}
    for reason, found in reading.faults.found:
        for position in found:
            if reason not in reasons[int(position)]:
                reasons[int(position)].append(reason)
    rows = reading.as_it_came(list(reasons))
    return [
        {"line": position + reading.first_line, "reasons": why, "row": row}
        for (position, why), row in zip(reasons.items(), rows, strict=True)
    ]


def keep_rows(drop: Drop, digest: str, rows: Sequence[Row]) -> int:
    """Write rows.<digest>.jsonl, one object per bad row. Returns how many."""
    if rows:
        text = "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)
        _write(drop, f"rows.{digest[:12]}.jsonl", text.encode())
    return len(rows)


def keep_file(drop: Drop, digest: str, reasons: tuple[str, ...]) -> Path:
    """Copy a rejected file beside a reason file that names it. What lies in landing/ stays the sender's.

    What is not a file of its own (a symbolic link) is not copied: it may point at anything.
    """
    name = f"{drop.feed.name}.{digest[:12]}.{drop.feed.form.value}"
    folder = sealed.folder(directory(drop), settings().quarantine)
    try:
        with open_inside(drop.data) as source:
            sealed.copy(source, folder / name)
    except Damaged:
        name = ""
    row = {"file": name, "sha256": digest, "feed": drop.feed.id, "dt": drop.dt.isoformat(), "reasons": list(reasons)}
    reason_file = folder / f"{name or drop.feed.name}.reason.json"
    sealed.write(reason_file, (json.dumps(row, indent=2, ensure_ascii=False) + "\n").encode())
    return folder / name if name else reason_file


def _write(drop: Drop, name: str, data: bytes) -> None:
    folder = sealed.folder(directory(drop), settings().quarantine)
    sealed.write(folder / name, data)
