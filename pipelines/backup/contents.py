"""What a backup is of: every file below the home but what can be made again, in an order that holds together.

Left out is only what is named here; a store that is new tomorrow is in. A journal (`manifest.jsonl`) is always in: it
says from which day a row is known, which nothing can tell again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.landing import sealed
from pipelines.publish import LIVE, Dataset
from pipelines.settings import settings

# Made again by the next night (warehouse, feast, extracts), sent again by its source (landing), of no use afterwards
# (logs, airflow: its database is taken as one), or not the system's (truth: the simulator's).
MADE_AGAIN = ("airflow", "extracts", "feast", "landing", "logs", "truth", "warehouse")
RAW, FEATURES = "raw", "features"
LARGE = {RAW: ("raw",), FEATURES: ("features", "labels")}  # whose partitions are in when asked for; journals always
# What refers to something comes before it, so that a bundle or a key that was made meanwhile is there when it is named.
AUDIT = ("audit", "anchors")
FIRST = ("champions", "shadow", "scores", "mlflow", "models", "ledger", "raw")
LAST = ("quarantine", "vault", "tombstones", "secrets")


def files(contents: Sequence[str], databases: Sequence[Path]) -> Iterator[Path]:
    """Every file of a backup in its order. While the consumer has one, nobody changes the dataset it belongs to.

    `contents` names what of LARGE is in; `databases` are copied elsewhere.
    """
    home = settings().home
    names = [path.name for path in sorted(home.iterdir()) if path.name not in (*MADE_AGAIN, *AUDIT)]
    middle = [name for name in names if name not in (*FIRST, *LAST)]
    slim = {store for wanted, stores in LARGE.items() if wanted not in contents for store in stores}
    yield from _audit(home)
    for name in (*FIRST, *middle, *LAST):
        if name in names:
            for path in _store(home / name, databases):
                if not (name in slim and path.name == LIVE):
                    yield path


def _audit(home: Path) -> Iterator[Path]:
    """The log and its anchors, which must have the same lines."""
    if (home / AUDIT[0]).is_dir():
        with sealed.lock(home / AUDIT[0] / ".lock"):
            for name in AUDIT:
                yield from _plain(home / name)


def _store(root: Path, databases: Sequence[Path]) -> Iterator[Path]:
    """A store by its datasets, each held while it is copied, the inmost first; then what belongs to none of them."""
    taken: set[Path] = set()
    for manifest in sorted(root.rglob("manifest.jsonl"), key=lambda path: (-len(path.parts), path)):
        with Dataset(manifest.parent, ()).still():
            own = [path for path in _plain(manifest.parent) if path not in taken]
            taken.update(own)
            yield from own
    yield from (path for path in _plain(root) if path not in taken and not _is_of(path, databases))


def _plain(root: Path) -> list[Path]:
    """Plain files, without locks, half-written ones and reports' pages, whose figures are in the JSON beside them."""
    found = sorted(root.rglob("*")) if root.is_dir() else [root]
    return [path for path in found if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
            and not (path.suffix == ".html" and settings().reports in path.parents)]


def _is_of(path: Path, databases: Sequence[Path]) -> bool:
    """Whether a file is a database or what SQLite keeps beside one (-wal, -shm, -journal)."""
    return any(path.parent == one.parent and path.name.startswith(one.name) for one in databases)
