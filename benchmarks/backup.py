"""Seconds and bytes of a backup, and of its restore with everybody erased again who asked for it since.

    python benchmarks/backup.py                        # 2,000 subscribers x 300 days, made here
    python benchmarks/backup.py --home /data/h20000    # a home that is kept; it gets a line of its audit log per backup

Every backup and every restore is the command a person types, in a process of its own. The tombstones of the restore are
those of the people the home's feed of requests names, as if they had been erased the day after. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from house import ROOT, TELCO, machine, made

KINDS = {"state": (), "with raw/": ("--with-raw",), "with raw/ and features": ("--with-raw", "--with-features")}
STONES = """
import dataclasses, json, sys
from datetime import date
from pipelines.governance import erasure
from pipelines.governance.tombstones import Tombstone
for token, request in erasure.due(date.max).items():
    print(json.dumps(dataclasses.asdict(Tombstone(request, sys.argv[1], "subscription", token))))
"""


def run(home: Path, *words: str) -> tuple[dict[str, object], float, float]:
    """What a command printed as JSON, its wall seconds and its CPU seconds with its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([*TELCO, *words, "--json", "--quiet"], capture_output=True, text=True,
                          env={**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)})
    if done.returncode:
        raise SystemExit(f"telco {' '.join(words)}: exit {done.returncode}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), time.monotonic() - began, cpu


def stones(home: Path, to: Path) -> int:
    """Tombstones of everybody who asked to be forgotten; returns how many."""
    done = subprocess.run([sys.executable, "-c", STONES, "2026-12-31"], capture_output=True, text=True, check=True,
                          env={**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)})
    to.write_text(done.stdout, encoding="utf-8")
    return len(done.stdout.splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.home.parent if asked.home else None) as scratch:
        place = Path(scratch)
        home = asked.home or made(place / "made", 2000, 300, 1)
        whole = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 2**20
        erased = stones(home, place / "stones.jsonl")
        print(f"{home.name}: {whole:,.0f} MB on disk, {erased} persons erased since; {machine()}\n")
        print("| backup | MB | files | backup wall s | CPU s | restore wall s | CPU s |\n"
              "|---|--:|--:|--:|--:|--:|--:|")
        for number, (kind, words) in enumerate(KINDS.items()):
            path = place / f"{number}.tar"
            told, wall, cpu = run(home, "backup", str(path), *words)
            size = int(str(told["bytes"])) / 2**20
            raw = () if words else ("--raw", str(home / "raw"))
            back, wall_back, cpu_back = run(place / f"back{number}", "restore", str(path), "--tombstones",
                                            str(place / "stones.jsonl"), *raw)
            assert back["erased_since"] == erased
            print(f"| {kind} | {size:,.0f} | {told['files']:,} | {wall:.1f} | {cpu:.1f} | {wall_back:.1f} "
                  f"| {cpu_back:.1f} |", flush=True)


if __name__ == "__main__":
    main()
