"""Everything that has landed of one feed of governance, where the newest version of a drop speaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Landed:
    """`paths`: the files. `versions`: an Arrow table (source, dt, drop_version) of those that speak. `known_on` by
    path: the day the newest of its drops was known."""

    paths: list[str]
    versions: Any
    known_on: dict[str, str]

    def after(self, as_of: date) -> list[str]:
        """The files that something after as_of was added to."""
        return [path for path in self.paths if self.known_on[path] > as_of.isoformat()]


def landed(feed_id: str) -> Landed:
    """Of every sender of this shape of the contract; nothing where nobody sends it."""
    import pyarrow as pa

    from pipelines.landing import raw
    from pipelines.landing.contract import BY_ID
    from pipelines.warehouse.facts import senders

    known_on: dict[str, str] = {}
    versions = []
    for source, dataset in senders(BY_ID[feed_id]):
        for entry in dataset.entries().values():
            drops, path = raw.drops(entry), dataset.live(entry.key)
            if drops and path.exists():
                known_on[str(path)] = max(drop["known_on"] for drop in drops)
                versions.append((source, entry.key["dt"], max(drop["version"] for drop in drops)))
    columns = zip(*versions, strict=True) if versions else [[], [], []]
    types = (pa.string(), pa.string(), pa.int32())
    table = pa.table([pa.array(list(values), kind) for values, kind in zip(columns, types, strict=True)],
                     ["source", "dt", "drop_version"])
    return Landed(list(known_on), table, known_on)
