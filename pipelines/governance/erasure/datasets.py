"""Published partitions without the erased: raw drops, and everything that has a row a subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.governance.erasure.job import Change, Job
from pipelines.governance.erasure.matching import Mask, matches
from pipelines.landing import raw
from pipelines.landing.contract import FEEDS, Feed
from pipelines.publish import Dataset, Entry
from pipelines.settings import settings
from pipelines.warehouse.facts import senders

# Stores that are not partitions of ours, or have a step of their own.
ELSEWHERE = ("airflow", "anchors", "audit", "champions", "extracts", "feast", "landing", "ledger", "logs", "mlflow",
             "models", "quarantine", "raw", "reports", "secrets", "tombstones", "truth", "vault", "warehouse")
_ANY = 2**31 - 1


def raw_drops(job: Job) -> list[Change]:
    """Take the rows of the erased out of raw/. Version and knowledge date of every other row stay."""
    return _all(job, [(dataset, feed) for feed, dataset in raw_datasets()])


def published(job: Job) -> list[Change]:
    """Take their rows out of every published partition: roster, features, labels, scores and whatever has a journal."""
    return _all(job, [(dataset, None) for dataset in subscriber_datasets()])


def raw_datasets() -> Iterator[tuple[Feed, Dataset]]:
    for feed in FEEDS:
        for source, dataset in senders(feed):
            yield (replace(feed, source=source, like=feed.id) if source != feed.source else feed), dataset


def subscriber_datasets() -> Iterator[Dataset]:
    """Every dataset below the home but raw, by its journal."""
    for top in sorted(settings().home.iterdir()):
        if top.name in ELSEWHERE or not top.is_dir():
            continue
        for manifest in sorted(top.rglob("manifest.jsonl")):
            folders = next((path.relative_to(manifest.parent) for path in manifest.parent.rglob("data.parquet")), None)
            if folders is not None:
                keys = tuple(part.partition("=")[0] for part in folders.parts[:-1])
                yield Dataset(manifest.parent, keys)


def _all(job: Job, datasets: list[tuple[Dataset, Feed | None]]) -> list[Change]:
    """Side by side: Arrow lets go of the interpreter while it reads and writes."""
    with ThreadPoolExecutor(max_workers=settings().threads) as pool:
        found = list(pool.map(lambda one: _dataset(job, *one), datasets))
    return [change for changes in found for change in changes]


def _dataset(job: Job, dataset: Dataset, feed: Feed | None) -> list[Change]:
    if not job.dry:
        dataset.repair()
    store = str(dataset.root.relative_to(settings().home))
    changes = []
    for entry in dataset.entries().values():
        done = next((one for one in entry.inputs.get("rewritten", []) if one.get("job") == job.name), None)
        if done is not None:  # also by a run that was killed before it could say so
            path = str(dataset.live(entry.key).relative_to(settings().home))
            changes.append(Change(store, path, done["rows"], entry.rows, done["sha256"], entry.sha256))
        if entry.state != "committed" or not dataset.live(entry.key).exists():
            continue
        change = _partition(job, dataset, feed, entry, store)
        if change is not None:
            changes = [one for one in changes if one.path != change.path] + [change]
    return changes


def _partition(job: Job, dataset: Dataset, feed: Feed | None, entry: Entry, store: str) -> Change | None:
    live = dataset.live(entry.key)
    rows = sum(int(hit.sum()) for hit in _hits(job, feed, live))
    if not rows:
        return None
    path = str(live.relative_to(settings().home))
    if job.dry:
        return Change(store, path, entry.rows, entry.rows - rows, entry.sha256, "")
    relative = dataset.root.is_relative_to(settings().scores)  # a decile is a place among the others
    because = {"job": job.name, "touches_others": job.persons.shares_account or relative}

    def write(standing: Path, beside: Path) -> int:
        return _without(job, feed, standing, beside)

    made = dataset.rewrite(entry.key, write, because)
    return job.note(Change(store, path, entry.rows, made.rows if made else 0, entry.sha256,
                           made.sha256 if made else ""))


def _hits(job: Job, feed: Feed | None, path: Path) -> Iterator[Mask]:
    """Which rows of a file are of the erased, row group by row group, from the columns that can say so."""
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    wanted = [name for name in names if name in _telling(feed, names)]
    for group in range(file.num_row_groups) if wanted else ():
        yield _hit(job, feed, file.read_row_group(group, columns=wanted))


def _telling(feed: Feed | None, names: list[str]) -> set[str]:
    own = {name for name in names if name == "subscriber_id" or name.endswith("_token")}
    return own | {feed.event_time, "invoice_id", "bill_no"} if feed is not None and own else own


def _hit(job: Job, feed: Feed | None, table: pa.Table) -> Mask:
    if feed is not None:
        on = pc.cast(table[feed.event_time], pa.date32(), safe=False).to_numpy().astype("datetime64[D]")
        return matches(job.marks, feed, table, on)
    hit = np.zeros(table.num_rows, dtype=np.bool_)
    for name in table.column_names:
        wanted = job.subscribers if name == "subscriber_id" else pa.array(sorted(job.tokens), pa.string())
        hit |= pc.fill_null(pc.is_in(table[name], wanted), False).to_numpy().astype(np.bool_)
    return hit


def _without(job: Job, feed: Feed | None, live: Path, beside: Path) -> int:
    """Write the other rows as the file's own writer would have written them alone."""
    if feed is None:
        table = pq.read_table(live, partitioning=None)
        names = [name for name in table.column_names if name in _telling(None, table.column_names)]
        return write_like(live, table.filter(pa.array(~_hit(job, None, table.select(names)))), beside)
    file = pq.ParquetFile(live)
    with closing(raw.Writer(beside, file.schema_arrow)) as writer:
        for group in range(file.num_row_groups):
            part = file.read_row_group(group)
            names = [name for name in part.column_names if name in _telling(feed, part.column_names)]
            hit = _hit(job, feed, part.select(names)) if names else np.zeros(part.num_rows, dtype=np.bool_)
            writer.add(part.filter(pa.array(~hit)) if hit.any() else part)
    return writer.rows


def write_like(live: Path, table: pa.Table, beside: Path) -> int:
    """Write a table as the Parquet file it was read from was written: one call, its row groups, its compression."""
    about = pq.ParquetFile(live).metadata
    groups = about.row_group(0).num_rows if about.num_row_groups > 1 else _ANY
    how: dict[str, Any] = {"compression": about.row_group(0).column(0).compression.lower()} if about.num_rows else {}
    pq.write_table(table.combine_chunks(), beside, row_group_size=groups, **how)
    rows: int = table.num_rows
    return rows
