"""What is derived and not journaled: the warehouse's database, extracts, the online store, reports and logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.governance.erasure.job import Change, Job
from pipelines.landing.contract import Identifier
from pipelines.publish import replacing, sha256
from pipelines.settings import settings

TEXTS = ("reports", "logs", "airflow")
_WORDS = {".css", ".csv", ".html", ".json", ".jsonl", ".log", ".md", ".out", ".err", ".txt", ".yml", ".yaml"}


def warehouse(job: Job) -> list[Change]:
    """Remove the DuckDB files and what builds spilled: a deleted row stays in a file's free blocks, a file does not.

    The next `telco unify` makes the database anew from raw/; data engineers' own copies go as well.
    """
    from pipelines.warehouse.lock import held

    files = sorted(settings().warehouse.glob("*.duckdb*")) + sorted(settings().warehouse.glob("spill/**/*"))
    changes = [job.changed("warehouse", path, (1, 0), None) for path in files if path.is_file()]
    if job.dry or not changes:
        return changes
    with held():
        for path in files:
            if path.is_file():
                path.unlink()
    return [job.note(change) for change in changes]


def extracts(job: Job) -> list[Change]:
    """Take their lines out of every extract: one line a subscriber, whose id it begins with."""
    mine = {subscriber.encode() for subscriber in job.subscribers.to_pylist()}
    changes = []
    for path in sorted(settings().extracts.rglob("*.csv")):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if line.partition(b",")[0] not in mine]
        if len(kept) == len(lines):
            continue
        change = job.changed("extracts", path, (len(lines) - 1, len(kept) - 1), None)
        if not job.dry:
            with replacing(path) as out:
                out.writelines(kept)
            change = job.note(Change(change.store, change.path, change.rows_before, change.rows_after,
                                     change.sha256_before, sha256(path)))
        changes.append(change)
    return changes + _typed_extracts(job)


def _typed_extracts(job: Job) -> list[Change]:
    """The same of Parquet."""
    changes = []
    for path in sorted(settings().extracts.rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        kept = table.filter(pc.invert(pc.is_in(table["subscriber_id"], job.subscribers.cast(pa.string()))))
        if len(kept) == len(table):
            continue
        change = job.changed("extracts", path, (len(table), len(kept)), None)
        if not job.dry:
            with replacing(path) as out:
                pq.write_table(kept, out, compression="zstd")
            change = job.note(Change(change.store, change.path, change.rows_before, change.rows_after,
                                     change.sha256_before, sha256(path)))
        changes.append(change)
    return changes


def online(job: Job) -> list[Change]:
    """Take their rows out of the care desk's store; of SQLite the file is written anew, so that no byte is left."""
    from pipelines import features

    found = features.forget(job.subscribers.to_pylist(), dry=job.dry)
    return [job.note(Change("online", name, before, after, was, now)) for name, before, after, was, now in found]


def words(job: Job) -> list[Change]:
    """Cross out their tokens and numbers in reports and logs, in place: a log may be open for writing."""
    pattern = pattern_of(job)
    changes = []
    for path in texts():
        data = path.read_bytes()
        found = len(pattern.findall(data))
        if not found:
            continue
        change = job.changed("words", path, (found, 0), None)
        if not job.dry:
            with path.open("r+b") as handle:
                for match in pattern.finditer(data):
                    handle.seek(match.start())
                    handle.write(b"x" * len(match.group()))
            change = job.note(Change(change.store, change.path, found, 0, change.sha256_before, sha256(path)))
        changes.append(change)
    return changes


def texts() -> Iterator[Path]:
    for store in TEXTS:
        for path in sorted((settings().home / store).rglob("*")):
            if path.suffix in _WORDS and path.is_file() and not path.is_symlink():
                yield path


def pattern_of(job: Job) -> re.Pattern[bytes]:
    """Their tokens anywhere, and of clear identifiers what is one the world over: numbers and SIMs."""
    worldwide = (Identifier.MSISDN, Identifier.IMSI)
    numbers = {value for (kind, _), values in job.clear.items() if kind in worldwide
               for token, value in values.items() if token in job.tokens}
    tokens = b"|".join(sorted(token.encode() for token in job.tokens))
    if not numbers:
        return re.compile(tokens)
    digits = b"|".join(sorted(re.escape(number.encode()) for number in numbers))
    return re.compile(tokens + rb"|(?<![0-9])(?:" + digits + rb")(?![0-9])")
