"""Seconds and peak memory of the simulator.

    python benchmarks/simulate.py --subscribers 10000 --days 200
    python benchmarks/simulate.py --subscribers 1000000 --days 225     # about 15 GB of files while it runs

Simulates into a temporary home that is deleted afterwards; wall seconds and CPU seconds of this process, its peak
resident memory, rows written, bytes written. The start of Python is included.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

BEGAN = time.perf_counter()
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--nights", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scenario", default="steady")
    parser.add_argument("--daily", action="store_true", help="no dump: every day its own drop")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as place:
        os.environ["TELCO_HOME"] = place
        from pipelines.simulate import simulate

        made = simulate(options.subscribers, options.days, options.nights, options.seed, scenario=options.scenario,
                        day_zero=not options.daily)
        size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{options.subscribers} subscribers x {options.days} days: {time.perf_counter() - BEGAN:.1f} s wall, "
            f"{time.process_time():.1f} s CPU, {peak:.0f} MB peak, {sum(made.rows.values()):,} rows, "
            f"{size / 1e9:.2f} GB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
