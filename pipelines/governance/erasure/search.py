"""Looking for what must be gone: every file below the home, Parquet decoded, everything else byte by byte."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.governance.erasure.job import Job
from pipelines.governance.erasure.traces import pattern_of
from pipelines.settings import settings

# What is kept on purpose, and what is not the system's: the simulator's own truth.
ON_PURPOSE = ("tombstones", "ledger")
NOT_OURS = ("truth",)


@dataclass(frozen=True)
class Searched:
    """Where was looked, and where something was found. `found` by path: how often. `kept`: files kept on purpose."""

    files: int
    size_bytes: int
    by_store: dict[str, int]
    found: dict[str, int]
    kept: int


def search(job: Job, clear_rows: Mapping[str, int] | None = None) -> Searched:
    """Look for their tokens in every file. Numbers others have are theirs to keep, and not looked for.

    `clear_rows`: what was found by path in files with clear identifiers, whose ids are only somebody's with the column.
    """
    home = settings().home
    files = [path for path in _files(home) if _store(home, path) not in (*ON_PURPOSE, *NOT_OURS)]
    kept = sum(1 for path in _files(home) if _store(home, path) in ON_PURPOSE)
    pattern = pattern_of(job)
    wanted = pa.array(sorted({*job.tokens, *job.subscribers.to_pylist()}), pa.string())

    def look(path: Path) -> int:
        try:
            return _in_parquet(path, wanted) if path.suffix == ".parquet" else _in_bytes(path, pattern)
        except FileNotFoundError:  # a log that was rotated away meanwhile
            return 0

    with ThreadPoolExecutor(max_workers=settings().threads) as pool:
        counts = list(pool.map(look, files))
    stores: dict[str, int] = {}
    for path in files:
        stores[_store(home, path)] = stores.get(_store(home, path), 0) + 1
    found = {str(path.relative_to(home)): count for path, count in zip(files, counts, strict=True) if count}
    found |= clear_rows or {}
    return Searched(len(files), sum(path.stat().st_size for path in files if path.exists()), stores, found, kept)


def _files(home: Path) -> Iterator[Path]:
    return (path for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink())


def _store(home: Path, path: Path) -> str:
    return path.relative_to(home).parts[0]


def _in_parquet(path: Path, wanted: pa.Array) -> int:
    """Values of any column of text that are one of the wanted. What is no Parquet is searched as bytes."""
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid:
        return _in_raw_bytes(path, wanted)
    texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)
             or pa.types.is_large_string(field.type)]
    count = 0
    for group in range(file.num_row_groups) if texts else ():
        for column in file.read_row_group(group, columns=texts).columns:
            count += int(pc.sum(pc.is_in(column, wanted.cast(column.type))).as_py() or 0)
    return count


def _in_bytes(path: Path, pattern: re.Pattern[bytes]) -> int:
    if not path.stat().st_size:
        return 0
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return sum(1 for _ in pattern.finditer(view))


def _in_raw_bytes(path: Path, wanted: pa.Array) -> int:
    data = path.read_bytes()
    return sum(int(data.count(value.encode())) for value in wanted.to_pylist())
