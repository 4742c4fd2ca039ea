"""The home that `recovery.py` judges: simulated, bootstrapped, both models trained on its last day, nights scored.

    python benchmarks/recovery_house.py --home /data/house --subscribers 100000 --days 300 --nights 14 --apart 7

Every step is a command that a person types, and what it took is printed. Scored are the last day of history and every
`apart`-th night after it: none of their labels was known when the models were trained.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from house import DAY, START, machine, made, telco  # noqa: E402


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="folder of the home, kept")
    parser.add_argument("--scenario", default="steady", help="of the house (default: steady)")
    parser.add_argument("--subscribers", type=int, default=100_000, help="of the house (default: 100000)")
    parser.add_argument("--days", type=int, default=300, help="days of history in the dump (default: 300)")
    parser.add_argument("--nights", type=int, default=14, help="nights after it (default: 14)")
    parser.add_argument("--apart", type=int, default=7, help="of these, one in so many is built (default: 7)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the house (default: 7)")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    home, last = options.home, START + timedelta(days=options.days)
    made(home, options.subscribers, options.days, options.nights, scenario=options.scenario, seed=options.seed,
         apart=options.apart)
    for model in ("churn", "ltv"):
        telco(home, "train", model, "--as-of", str(last))
    for number in range(0, options.nights + 1, options.apart):
        for model in ("churn", "ltv"):
            telco(home, "score", model, "--as-of", str(last + DAY * number))
    print(machine())
    return 0


if __name__ == "__main__":
    sys.exit(main())
