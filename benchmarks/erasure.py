"""Seconds of an erasure, and an independent search for the erased in every byte of the home.

    python benchmarks/erasure.py                                # 3,000 subscribers x 225 days, made here
    python benchmarks/erasure.py --home /data/bench             # a home that is kept: a copy of it is measured
    python benchmarks/erasure.py --home /data/bench --persons 10

Chooses persons by a seed among the active of the newest roster, notes their clear identifiers from the vault, erases
them with `telco privacy erase` in a process of its own, and then looks for all tokens and clear identifiers in every
file below the home, with code that shares nothing with the erasure: Parquet is decoded, every column of it; everything
else is searched as bytes. Prints Markdown; ends 1 when something is found outside tombstones/ and ledger/ (and truth/,
which is the simulator's). Published Parquet and dropped files are linked into the copy, as they are only ever replaced;
what is written in place is copied.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

PROGRAM = """
import json, sys
from datetime import date
from pipelines.governance import erasure
requests = json.loads(sys.stdin.read())
proof = erasure.erase(requests, date.fromisoformat(sys.argv[1]), report=lambda line: print(line, file=sys.stderr))
print(json.dumps({"stores": proof.by_store(), "seconds": proof.seconds, "folder": str(proof.folder),
                  "files": proof.searched.files, "bytes": proof.searched.size_bytes, "clean": proof.clean}))
"""
ON_PURPOSE = ("tombstones", "ledger", "truth")


def copied(source: Path, target: Path) -> Path:
    """A copy of a home to erase in. A file that is replaced by a rename may share its bytes with the original's."""
    target.mkdir()
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.suffix == ".parquet" or (path.relative_to(source).parts[0] == "landing" and path.suffix != ".ctl"):
            os.link(path, place)
        elif path.is_file():
            shutil.copy2(path, place)
    return target


def chosen(home: Path, persons: int, seed: int) -> tuple[list[str], str]:
    """subscriber_ids of active persons, and the newest as_of."""
    newest = sorted((home / "features" / "roster").glob("as_of=*"))[-1]
    roster = pq.read_table(newest / "data.parquet", columns=["subscriber_id", "is_active"], partitioning=None)
    active = roster.filter(roster["is_active"])["subscriber_id"].to_pylist()
    return random.Random(seed).sample(active, persons), newest.name.removeprefix("as_of=")


def identifiers(home: Path, subscribers: list[str]) -> tuple[set[str], set[str]]:
    """(tokens, clear identifiers) of these people: subscription, and the number, SIM and account billing tells of.

    Numbers, SIMs and accounts that another subscription has as well are left out: they stay for that one.
    """
    tokens = {one.removeprefix("sub_") for one in subscribers}
    own: set[str] = set()
    others: set[str] = set()
    for feed in ("billing_alpha/subscriptions", "billing_bravo/subscribers"):
        for path in (home / "raw" / feed).glob("dt=*/data.parquet"):
            table = pq.read_table(path, partitioning=None)
            names = [name for name in ("msisdn_token", "imsi_token", "account_token") if name in table.column_names]
            mine = pc.is_in(table["subscription_token"], pa.array(sorted(tokens)))
            for name in names:
                own |= set(table.filter(mine)[name].drop_null().to_pylist())
                others |= set(table.filter(pc.invert(mine))[name].drop_null().to_pylist())
    tokens |= own - others
    clear = set()
    for path in (home / "vault").glob("*/*.parquet"):
        table = pq.read_table(path, partitioning=None)
        clear |= set(table.filter(pc.is_in(table["token"], pa.array(sorted(tokens))))["identifier"].to_pylist())
    return tokens, clear


def found(home: Path, tokens: set[str], clear: set[str]) -> tuple[Counter[str], int, int]:
    """Hits by file, files searched, bytes searched. A clear id of an operator's own may be another operator's as well,
    so those are left to the proof, which reads columns; numbers and SIMs are one the world over."""
    wanted = {*tokens, *(f"sub_{one}" for one in tokens), *worldwide(clear), *(f"+{one}" for one in worldwide(clear))}
    needles = [one.encode() for one in sorted(tokens | worldwide(clear))]
    values, hits, files, size = pa.array(sorted(wanted)), Counter[str](), 0, 0
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home)
        if not path.is_file() or name.parts[0] in ON_PURPOSE:
            continue
        files += 1
        size += path.stat().st_size
        if path.suffix == ".parquet":
            count = sum(_in_column(column, values) for column in _columns(path))
        else:
            data = path.read_bytes()
            count = sum(data.count(needle) for needle in needles)
        if count:
            hits[str(name)] = count
    return hits, files, size


def worldwide(clear: set[str]) -> set[str]:
    return {one for one in clear if one.isdigit() and len(one) >= 12}


def _columns(path: Path) -> Iterator[pa.ChunkedArray]:
    """Every column of text of every row group, decoded; numbers and days cannot hold an identifier of 12 digits."""
    file = pq.ParquetFile(path)
    names = [field.name for field in file.schema_arrow if not (
        pa.types.is_floating(field.type) or pa.types.is_temporal(field.type) or pa.types.is_boolean(field.type)
        or pa.types.is_integer(field.type) or pa.types.is_decimal(field.type))]
    for group in range(file.num_row_groups) if names else ():
        yield from file.read_row_group(group, columns=names).columns


def _in_column(column: pa.ChunkedArray, values: pa.Array) -> int:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return 0
    return int(pc.sum(pc.is_in(column, values.cast(column.type))).as_py() or 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--persons", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    from house import machine, made

    with tempfile.TemporaryDirectory(dir=asked.home.parent if asked.home else None) as scratch:
        source = asked.home or made(Path(scratch) / "made", 3000, 225, 1)
        home = copied(source, Path(scratch) / "home")
        subscribers, on = chosen(home, asked.persons, asked.seed)
        tokens, clear = identifiers(home, subscribers)
        began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        requests = {one.removeprefix("sub_"): f"bench-{number}" for number, one in enumerate(subscribers)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, on], input=json.dumps(requests), stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)}, check=True,
        )
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        told = json.loads(done.stdout)
        left, files, size = found(home, tokens, clear)
        print(f"{asked.persons} persons of {source.name}, on {machine()}\n")
        print("| store | files changed | rows removed |\n|---|--:|--:|")
        for store, (changed, rows) in told["stores"].items():
            print(f"| {store} | {changed:,} | {rows:,} |")
        print(f"\nErased in {wall:.0f} s ({cpu:.0f} CPU s, {after.ru_maxrss / 2**20:.1f} GB at the peak), search and "
              f"proof included. Searched afterwards, independently, for {len(tokens)} tokens and "
              f"{len(worldwide(clear))} numbers and SIMs: found in {len(left):,} of {files:,} files "
              f"({size / 2**30:.1f} GB).")
        for name, count in left.items():
            print(f"- {name}: {count}")
        if left or not told["clean"]:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
