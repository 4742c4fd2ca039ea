"""What lies below a home before a step, after it, and in between: nobody may see a file that is neither."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from pipelines.publish import LIVE

STORES = ("raw", "quarantine", "vault", "secrets")
Tree = dict[str, str]


def tree(home: Path) -> Tree:
    """Digest of every file of the door's stores but locks, journals and what is being written, by its path."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for store in STORES for path in (home / store).rglob("*")
        if path.is_file() and path.name not in (".lock", "manifest.jsonl") and not is_unfinished(path)
    }


def is_unfinished(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(".tmp")


def unfinished(home: Path) -> list[Path]:
    return [path for path in home.rglob(".*.tmp") if is_unfinished(path)]


def strays(home: Path, before: Tree, after: Tree) -> list[str]:
    """Files that are neither as before nor as after, and files of before that are gone."""
    now = tree(home)
    odd = [name for name, digest in now.items() if digest not in (before.get(name), after.get(name))]
    return odd + [name for name in before if name not in now]


def unlike(home: Path, wanted: Tree) -> list[str]:
    """Files that are not as wanted, wanted and not there, or there and not wanted."""
    now = tree(home)
    return sorted(name for name in now.keys() | wanted.keys() if now.get(name) != wanted.get(name))


def standing(home: Path) -> dict[str, tuple[int, str]]:
    """By live file below raw/, the version and digest its journal gives; a line cut by a kill says nothing."""
    found = {}
    for manifest in (home / "raw").rglob("manifest.jsonl"):
        for line in manifest.read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry["state"] == "committed":
                live = manifest.parent / "/".join(f"{name}={value}" for name, value in entry["key"].items()) / LIVE
                found[str(live.relative_to(home))] = (entry["version"], entry["sha256"])
    return found


def reset(home: Path, snapshot: Path) -> None:
    """Make a home what a snapshot of it was."""
    shutil.rmtree(home)
    shutil.copytree(snapshot, home)
