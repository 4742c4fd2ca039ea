"""What the door did not let in: rows with their reasons, and whole files with theirs. Sealed: it holds clear names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.landing import sealed
from pipelines.landing.contract import Form
from pipelines.landing.control import Drop
from pipelines.landing.reading import Reading
from pipelines.settings import settings


def directory(drop: Drop) -> Path:
    """quarantine/<source>/<feed>/dt=YYYY-MM-DD."""
    return settings().quarantine / drop.feed.source / drop.feed.name / f"dt={drop.dt}"


def keep_rows(drop: Drop, digest: str, data: bytes, reading: Reading) -> int:
    """Write rows.<digest>.jsonl: one object per bad row (line, reasons, the row as it came). Returns the rows."""
    positions = reading.faults.rows()
    if not positions.size:
        return 0
    reasons: dict[int, list[str]] = {int(position): [] for position in positions}
    for reason, found in reading.faults.found:
        for position in found:
            if reason not in reasons[int(position)]:
                reasons[int(position)].append(reason)
    rows = _as_it_came(drop, data, reading, list(reasons))
    text = "".join(
        json.dumps({"line": position + reading.first_line, "reasons": why, "row": row}, default=str,
                   ensure_ascii=False) + "\n"
        for (position, why), row in zip(reasons.items(), rows, strict=True)
    )
    _write(drop, f"rows.{digest[:12]}.jsonl", text.encode())
    return len(reasons)


def keep_file(drop: Drop, digest: str, data: bytes, reasons: tuple[str, ...]) -> Path:
    """Copy a rejected file beside a reason file that names it. What lies in landing/ stays the sender's."""
    name = f"{drop.feed.name}.{digest[:12]}.{drop.feed.form.value}"
    _write(drop, name, data)
    row = {"file": name, "sha256": digest, "feed": drop.feed.id, "dt": drop.dt.isoformat(), "reasons": list(reasons)}
    _write(drop, f"{name}.reason.json", (json.dumps(row, indent=2, ensure_ascii=False) + "\n").encode())
    return directory(drop) / name


def _write(drop: Drop, name: str, data: bytes) -> None:
    folder = sealed.folder(directory(drop), settings().quarantine)
    sealed.write(folder / name, data)


def _as_it_came(drop: Drop, data: bytes, reading: Reading, positions: list[int]) -> list[Any]:
    """Text forms give the line itself, so that it can be sent again; Parquet gives the values."""
    if drop.feed.form is Form.PARQUET:
        return list(reading.table.take(pa.array(positions, pa.int64())).to_pylist())
    lines = data.split(b"\n")
    first = reading.first_line - 1
    return [lines[position + first].decode("utf-8").rstrip("\r") for position in positions]
