"""What may not be kept for ever leaves after its days, class by class (estate.toml, `[retention]`).

Files with clear identifiers leave landing/ and quarantine/. Published partitions leave by their journal, which keeps
their sha256 and says `purged`: raw drops of events (never of changes or snapshots: an old row of those may still be how
things stand), nights of features that are no training cut-off, nights of scores with their extracts. Labels, the
training ledger, the audit log, tombstones and the proofs of erasures are kept.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipelines import cost
from pipelines.clock import parse_day
from pipelines.errors import UsageError
from pipelines.estate import estate
from pipelines.landing import raw
from pipelines.landing.contract import Kind
from pipelines.landing.senders import feed as sent_feed
from pipelines.models import SPECS
from pipelines.publish import Dataset, Entry
from pipelines.settings import settings

log = logging.getLogger(__name__)

Part = tuple[Dataset, date, Entry]
_DAY = re.compile(r"(?<!\d)(?:20|19)\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class Purged:
    """What a purge removed from one store. `kept`: days of drops past their time that are not in raw/ yet."""

    store: str
    older_than: date
    files: int
    size_bytes: int
    kept: tuple[str, ...] = ()


@cost.counted("purge")
def purge(as_of: date) -> list[Purged]:
    """Remove what has been held for longer than the estate's retention, seen from `as_of`; one Purged a class.

    A file's age counts from its day or from the day it was written, whichever is later: a dump of years is not gone
    the night after it came. A drop that neither landed nor was declared absent is kept, and named. What went is put
    into the audit log.
    """
    from pipelines.governance import audit

    days = estate().retention
    made = [
        _purge("landing", settings().landing, as_of - timedelta(days=days.landing)),
        _purge("quarantine", settings().quarantine, as_of - timedelta(days=days.quarantine)),
        *(_partitions(store, as_of, held, datasets) for store, held, datasets in (
            ("raw", days.raw, _raw_events), ("features", days.features, _nights),
            ("scores", days.scores, _scores)) if held is not None),
        *([_files("extracts", [settings().extracts], as_of - timedelta(days=days.scores))] if days.scores else []),
        _files("reports", _reports(), as_of - timedelta(days=days.reports)),
        _files("logs", [settings().logs, settings().airflow / "logs"], as_of - timedelta(days=days.logs)),
    ]
    gone = {one.store: one.files for one in made if one.files}
    if gone:
        audit.record("purge", subject=as_of.isoformat(), once=True, files=gone)
    return made


def _partitions(store: str, as_of: date, days: int, datasets: Callable[[], Iterator[Part]]) -> Purged:
    """Published partitions whose day lies before the retention, and which nothing asks for any more."""
    older_than = as_of - timedelta(days=days)
    files, size = 0, 0
    for dataset, day, entry in datasets():
        if day < older_than and entry.state == "committed":
            size += dataset.purge(entry.key)
            files += 1
            log.info("purged %s %s", dataset.root.name, day)
    return Purged(store, older_than, files, size)


def _raw_events() -> Iterator[Part]:
    for feed_id in estate().delivered():
        feed = sent_feed(feed_id)
        if feed.kind is Kind.EVENT:
            yield from _by_day(raw.dataset(feed), "dt")


def _nights() -> Iterator[Part]:
    """Nights of every feature dataset that no model takes as a cut-off."""
    steps = {spec.split.step_days for spec in SPECS.values()}
    for folder in sorted(settings().features.glob("*/")):
        for dataset, day, entry in _by_day(Dataset(folder, ("as_of",)), "as_of"):
            if all((day - estate().training_start).days % step for step in steps):
                yield dataset, day, entry


def _scores() -> Iterator[Part]:
    for folder in sorted(settings().scores.glob("*/")):
        yield from _by_day(Dataset(folder, ("as_of", "version")), "as_of")


def _by_day(dataset: Dataset, key: str) -> Iterator[Part]:
    return ((dataset, parse_day(entry.key[key]), entry) for entry in dataset.entries().values())


def _reports() -> list[Path]:
    """Every kind of report but the proofs of erasures."""
    return [folder for folder in sorted(settings().reports.glob("*/")) if folder.name != "erasure"]


def _files(store: str, roots: Sequence[Path], older_than: date) -> Purged:
    """Files by the day in their path or the day they were written, whichever is later; empty folders go with them."""
    files, size = 0, 0
    for root in roots:
        for path in sorted(root.rglob("*"), reverse=True):
            if path.is_symlink() or not path.is_file():
                if path.is_dir() and not path.is_symlink() and _DAY.search(path.name) and not any(path.iterdir()):
                    path.rmdir()
                continue
            if max(_written_on(path), _named(path.relative_to(root.parent))) < older_than:
                size += path.lstat().st_size
                path.unlink()
                files += 1
    if files:
        log.info("purged %s files=%d bytes=%d", store, files, size)
    return Purged(store, older_than, files, size)


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


def _named(path: Path) -> date:
    """The last day in a path; the first of all days where there is none."""
    for word in reversed(_DAY.findall(str(path))):
        with suppress(UsageError):
            return parse_day(word)
    return date.min


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
