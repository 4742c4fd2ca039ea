"""What becomes of a simulated house after its files end: the truth alone, of everyone, lived for another year.

    python benchmarks/later_truth.py --subscribers 100000 --days 300 --nights 14 --seed 7 --out /data/later

The same house as `telco simulate` with the same arguments, lived 360 days beyond the last night without a file written,
so that the margin of twelve months is known for every night. Keeps every active line where the home's own truth keeps a
sample of 50,000. Writes OUT/truth for `benchmarks/recovery.py --later-truth OUT/truth`. Cut-offs: every night from
the end of history on.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from house import START, machine  # noqa: E402


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="steady", help="of the house (default: steady)")
    parser.add_argument("--subscribers", type=int, default=100_000, help="of the house (default: 100000)")
    parser.add_argument("--days", type=int, default=300, help="days of history of the house (default: 300)")
    parser.add_argument("--nights", type=int, default=0, help="nights after it (default: 0)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the house (default: 7)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write truth/ into")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    began = time.monotonic()
    rows = lived(options)
    print(f"{rows:,} rows in {options.out}: {time.monotonic() - began:.0f} s. {machine()}")
    return 0


def lived(options: argparse.Namespace) -> int:
    """Live the house to the end of the last night's year; returns the rows written."""
    import pyarrow.parquet as pq

    from pipelines.estate import load
    from pipelines.settings import PROJECT, settings
    from pipelines.simulate import scenario as scenarios
    from pipelines.simulate.life import House
    from pipelines.simulate.margin import economy
    from pipelines.simulate.plants import Plants
    from pipelines.simulate.truth import YEAR_DAYS, Truth

    plan, facts = scenarios.load(options.scenario), load(PROJECT / "estate.toml")
    last = options.days + options.nights
    house = House(options.subscribers, START, last + YEAR_DAYS + 1, options.seed,
                  Plants(plan, options.days, options.seed), economy(facts, plan.applied()))
    truth = Truth(house, frozenset(range(options.days, last + 1)), sample=None)
    house.warm_up()
    for day in house.days():
        truth.before(day.day)
        truth.after(day.day, day.run().events)
        if day.day % 100 == 0:
            print(f"day {day.day} of {house.stop}", file=sys.stderr, flush=True)
    os.environ["TELCO_HOME"] = str(options.out)
    settings.cache_clear()
    place = truth.write({"seed": options.seed, "days": options.days, "scenario": plan.model_dump(mode="json")})
    return int(pq.read_metadata(place / "hazard.parquet").num_rows)


if __name__ == "__main__":
    sys.exit(main())
