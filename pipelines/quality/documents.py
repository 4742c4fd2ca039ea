"""Data docs of the landing: a page per night below reports/landing/, rewritten feed by feed, never in a landing's way.

One JSON file per feed is kept beside each page, so that a night whose feeds land in several runs has one whole page.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.clock import DAY
from pipelines.quality import pages
from pipelines.quality.record import Checked, Record

log = logging.getLogger(__name__)

FOLDER = "landing"  # below reports/
_NIGHTS = "nights.json"


def document(record: Record, reports: Path) -> list[Path]:
    """Write the pages of every night the record speaks of, and the list of nights: the paths of the nights' pages.

    Never raises: a landing is not undone because its report could not be written; that is a warning in the log.
    """
    try:
        return _document(record, reports / FOLDER)
    except Exception as error:  # whatever it is, the rows are landed
        log.warning("the checks are not documented below %s: %s", reports / FOLDER, type(error).__name__)
        return []


def _document(record: Record, folder: Path) -> list[Path]:
    nights: dict[date, list[Checked]] = {}
    for checked in record.drops:
        nights.setdefault(checked.dt + DAY, []).append(checked)
    if not nights and not folder.exists():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        was_killed, broken = _left_behind(folder)
        if not nights and not was_killed:
            return []
        for as_of in broken:
            nights.setdefault(as_of, [])
        known = _read(folder / _NIGHTS)
        for as_of, drops in nights.items():
            known[as_of.isoformat()] = _night(folder / as_of.isoformat(), as_of, drops)
        _write(folder / _NIGHTS, json.dumps(known, sort_keys=True))
        _write(folder / "index.html", pages.nights(known))
    log.info("documented checks nights=%d %s", len(nights), folder)
    return [folder / as_of.isoformat() / "index.html" for as_of in nights]


def _left_behind(folder: Path) -> tuple[bool, list[date]]:
    """Remove what killed writers left, since whoever holds the lock writes alone: whether there was anything, and the
    nights whose pages it was meant for."""
    leftovers = [*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")]
    for path in leftovers:
        path.unlink()
    nights = {path.parent for path in leftovers if path.parent != folder}
    return bool(leftovers), sorted(date.fromisoformat(night.name) for night in nights if any(night.glob("*.json")))


def _night(folder: Path, as_of: date, drops: list[Checked]) -> dict[str, int]:
    """Write one night's page from this run's drops and those of earlier runs; its counts for the list of nights."""
    folder.mkdir(exist_ok=True)
    own = {f"{checked.feed}.json": checked.as_json() for checked in drops}
    for name, said in own.items():
        _write(folder / name, json.dumps(said))
    earlier = {path.name: _read(path) for path in folder.glob("*.json") if path.name not in own}
    found = {name: said for name, said in (earlier | own).items() if said}
    feeds = [found[name] for name in sorted(found)]
    _write(folder / "index.html", pages.night(as_of, feeds))
    return pages.counts(feeds)


def _read(path: Path) -> dict[str, Any]:
    """What a file of ours says; nothing where it is not there or was damaged, for the next run writes it anew."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, text: str) -> None:
    # One name: writers hold the folder's lock, so what a killed one left is the next one's to remove.
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Sources may land in several processes at once; a page is made of all that stands beside it."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
