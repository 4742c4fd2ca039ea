"""raw/ from a copy of its own, for a backup that holds its journals alone: it must go on where the backup ended."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.errors import IntegrityError, UsageError
from pipelines.publish import LIVE, Dataset, sha256

KEYS = ("dt",)
JOURNAL = "manifest.jsonl"


def bring(source: Path, target: Path) -> None:
    """Copy every committed drop of `source`, each compared with its journal. A journal may be longer than the backup's,
    when drops landed between the two; raises IntegrityError for one that is not its continuation."""
    if not source.is_dir():
        raise UsageError(f"--raw {source}: no such folder")
    for manifest in sorted({one.relative_to(root) for root in (source, target) for one in root.rglob(JOURNAL)}):
        theirs = (source / manifest).read_bytes() if (source / manifest).exists() else b""
        ours = (target / manifest).read_bytes() if (target / manifest).exists() else b""
        if not theirs.startswith(ours):
            raise IntegrityError(f"{source / manifest} does not go on where the backup's journal ends: it is older, or "
                                 "of another home. Give a copy of raw/ made with or after the backup")
        (target / manifest).parent.mkdir(parents=True, exist_ok=True)
        (target / manifest).write_bytes(theirs)
        here, there = (Dataset((root / manifest).parent, KEYS) for root in (target, source))
        for entry in here.entries().values():
            if entry.state == "committed" and there.live(entry.key).exists():
                here.directory(entry.key).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(there.live(entry.key), here.live(entry.key))


def check(root: Path) -> None:
    """Every drop the journals name is there, with its bytes. Raises IntegrityError with the first that is not."""
    bad = []
    for manifest in sorted(root.rglob(JOURNAL)):
        dataset = Dataset(manifest.parent, KEYS)
        for entry in dataset.entries().values():
            live = dataset.directory(entry.key) / LIVE
            if entry.state == "committed" and (not live.exists() or not _is_published(dataset, live, entry.sha256)):
                bad.append(live.relative_to(root.parent))
    if bad:
        raise IntegrityError(f"{len(bad)} drops are not as raw/ has them, the first: {bad[0]}. Features would be built "
                             "without them; give a whole copy of raw/ with --raw")


def _is_published(dataset: Dataset, live: Path, wanted: str) -> bool:
    found = sha256(live)
    # A writer was killed between its rename and its record: the next one settles it.
    return found == wanted or any(entry.sha256 == found for entry in dataset.renamed())
