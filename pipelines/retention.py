"""What may not be kept for ever: files with clear identifiers leave landing/ and quarantine/ after their days."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipelines.clock import parse_day
from pipelines.errors import UsageError
from pipelines.estate import estate
from pipelines.landing import raw
from pipelines.landing.senders import feed as sent_feed
from pipelines.settings import settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Purged:
    """What a purge removed from one store. `kept`: days of drops past their time that are not in raw/ yet."""

    store: str
    older_than: date
    files: int
    size_bytes: int
    kept: tuple[str, ...] = ()


def purge(as_of: date) -> list[Purged]:
    """Remove what landing/ and quarantine/ have held for longer than the estate's retention, seen from `as_of`.

    A file's age counts from its drop's day or from the day it was written, whichever is later: a dump of years is not
    gone the night after it came. A drop that neither landed nor was declared absent is kept, and named.
    """
    days = estate().retention
    return [
        _purge("landing", settings().landing, as_of - timedelta(days=days.landing)),
        _purge("quarantine", settings().quarantine, as_of - timedelta(days=days.quarantine)),
    ]


def _purge(store: str, root: Path, older_than: date) -> Purged:
    files, size = 0, 0
    kept: list[str] = []
    for folder, dt in _days(root):
        files_here = [path for path in sorted(folder.iterdir()) if path.is_symlink() or path.is_file()]
        old = [path for path in files_here if max(dt, _written_on(path)) < older_than]
        if not old:
            continue
        name = f"{folder.parent.parent.name}.{folder.parent.name} dt={dt}"
        if store == "landing" and not _is_settled(folder, dt):
            kept.append(name)
            continue
        bytes_before = size
        for path in old:
            size += path.lstat().st_size
            path.unlink()
        files += len(old)
        if not any(folder.iterdir()):
            folder.rmdir()
        log.info("purged %s %s files=%d bytes=%d", store, name, len(old), size - bytes_before)
    for name in kept:
        log.warning("not purged %s %s: it neither landed nor was declared absent", store, name)
    return Purged(store, older_than, files, size, tuple(kept))


def _days(root: Path) -> Iterator[tuple[Path, date]]:
    """Every <source>/<feed>/dt=YYYY-MM-DD below a store; symbolic links are not followed."""
    for folder in sorted(root.glob("*/*/dt=*")):
        if any(level.is_symlink() for level in (folder, folder.parent, folder.parent.parent)) or not folder.is_dir():
            continue
        try:
            yield folder, parse_day(folder.name.removeprefix("dt="))
        except UsageError:
            log.warning("not purged %s: its name is no day", folder)


def _written_on(path: Path) -> date:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC).date()


def _is_settled(folder: Path, dt: date) -> bool:
    """Whether raw/ has the drop of a folder, or knows that there is none."""
    if not estate().expects(dt):
        return True
    try:
        feed = sent_feed(f"{folder.parent.parent.name}.{folder.parent.name}")
    except UsageError:
        return False
    return raw.dataset(feed).entry({"dt": dt.isoformat()}) is not None
