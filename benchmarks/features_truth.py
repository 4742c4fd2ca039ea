"""Published features against the same features computed in plain Python from the dropped files.

    python benchmarks/features_truth.py                                   # 600 subscribers x 225 days, 2 nights
    python benchmarks/features_truth.py --subscribers 30000 --home /data/bench    # keep the home, or take it up again

Simulates a house with a day-zero dump and daily drops after it, lets it land them and publish features, draws
subscriber-days with a seed, and computes every feature of each a second time: `features_landed.py` reads the files that
were dropped, `features_oracle.py` follows the definitions of docs/reference/features.md. Neither uses the house's SQL,
its door or its types; only the draw does, to know under which id a subscriber was published. A quarter as many
subscriber-days that were not published are drawn too: the definitions must find nobody active there. Prints Markdown, a
line a feature; ends with 1 when a value differs.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from features_cells import read_cells  # noqa: E402
from features_landed import Drops, Landed, Line, read_rows, read_terms  # noqa: E402
from features_oracle import features, window  # noqa: E402
from house import machine, made  # noqa: E402

MARTS = ("ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care")
KEYS = ("subscriber_id", "event_timestamp", "created_at")
NOISE = 1e-9  # relative: sums of doubles in another order differ by less, a wrong row by more
Pair = tuple[Line, date]


@dataclass
class Found:
    """What comparing one feature found."""

    values: int = 0
    missing: int = 0
    differing: int = 0
    noise: float = 0.0
    seen: set[Any] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="steady", help="what is simulated (default: steady)")
    parser.add_argument("--subscribers", type=int, default=600, help="of the simulated house (default: 600)")
    parser.add_argument("--days", type=int, default=225, help="days of history in the dump (default: 225)")
    parser.add_argument("--nights", type=int, default=2, help="nights after it (default: 2)")
    parser.add_argument("--sample", type=int, default=1000, help="subscriber-days compared (default: 1000)")
    parser.add_argument("--seed", type=int, default=7, help="of the house and of the draw (default: 7)")
    parser.add_argument("--home", type=Path, help="folder of the home, kept; by default a temporary one, deleted")
    parser.add_argument("--examples", type=int, default=3, help="differing values shown a feature (default: 3)")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    with tempfile.TemporaryDirectory() as place:
        home = options.home or Path(place)
        made(home, options.subscribers, options.days, options.nights, scenario=options.scenario, seed=options.seed)
        began = time.monotonic()
        found, absent, wrong = compared(home, options.sample, options.seed, options.examples)
        said(f"compared in {time.monotonic() - began:.0f} s")
    print(table(found))
    differing = sum(one.differing for one in found.values())
    print(f"\n{options.scenario}, {options.subscribers:,} subscribers x {options.days} days, {options.nights} nights: "
          f"{max(one.values for one in found.values()):,} subscriber-days x {len(found)} features, {differing:,} "
          f"differing values; {len(wrong)} of {absent} subscriber-days not published should have been. {machine()}")
    print("\n".join([*wrong, *(example for one in found.values() for example in one.examples)]))
    return 1 if differing or wrong else 0


def said(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def compared(home: Path, sample: int, seed: int, examples: int) -> tuple[dict[str, Found], int, list[str]]:
    """What was found by feature; how many unpublished subscriber-days were looked at, and those that are wrong."""
    drops = Drops(home)
    landed = read_terms(drops)
    said(f"read the terms of {len(landed.terms):,} subscriptions")
    drawn, absent = draw(home, landed, sample, seed)
    read_rows(drops, landed, {line for line, _ in (*drawn, *absent)})
    cells = read_cells(drops, met_cells(landed, list(drawn)))
    said(f"read {sum(map(len, landed.use.values())):,} days of use and {len(cells):,} days of cells")
    found: dict[str, Found] = defaultdict(Found)
    for number, (pair, published) in enumerate(drawn.items()):
        if number % 200 == 0:
            said(f"compared {number} subscriber-days")
        judge(found, pair, published, features(landed, cells, *pair), examples)
    wrong = [f"{line} at {as_of} is active by definition and was not published"
             for line, as_of in absent if features(landed, cells, line, as_of) is not None]
    return dict(found), len(absent), wrong


def draw(home: Path, landed: Landed, sample: int, seed: int) -> tuple[dict[Pair, dict[str, Any]], list[Pair]]:
    """Published subscriber-days with their values, and a quarter as many that were not published."""
    import pyarrow.parquet as pq

    lines = published_ids(home, landed)
    ids = {name: line for line, name in lines.items()}
    files = {date.fromisoformat(path.parent.name.removeprefix("as_of=")): path
             for path in sorted(home.glob(f"features/{MARTS[0]}/as_of=*/data.parquet"))}
    roster = {as_of: set(pq.read_table(path, columns=["subscriber_id"], partitioning=None)["subscriber_id"].to_pylist())
              for as_of, path in files.items()}
    chance = random.Random(seed)
    every = [(name, as_of) for as_of, names in roster.items() for name in sorted(names)]
    chosen = chance.sample(every, min(sample, len(every)))
    others = [(line, as_of) for as_of, names in roster.items() for line, name in lines.items() if name not in names]
    values = published_values(home, chosen)
    return ({(ids[name], as_of): values[name, as_of] for name, as_of in chosen},
            chance.sample(others, min(sample // 4, len(others))))


def published_ids(home: Path, landed: Landed) -> dict[Line, str]:
    """The id under which the house publishes each subscription: the one thing asked of the house itself."""
    os.environ["TELCO_HOME"] = str(home)
    import pyarrow as pa

    from pipelines.landing.contract import Identifier
    from pipelines.landing.tokens import Tokens
    from pipelines.settings import settings

    settings.cache_clear()
    named: dict[Line, str] = {}
    for operator in sorted({line[0] for line in landed.terms}):
        clear = [number for owner, number in sorted(landed.terms) if owner == operator]
        tokens = Tokens().column(Identifier.SUBSCRIPTION, operator, pa.array(clear, pa.string())).to_pylist()
        named |= {(operator, number): f"sub_{token}" for number, token in zip(clear, tokens, strict=True)}
    return named


def published_values(home: Path, chosen: list[tuple[str, date]]) -> dict[tuple[str, date], dict[str, Any]]:
    """The published features of these subscriber-days, of all three marts."""
    import pyarrow.parquet as pq

    wanted: dict[date, set[str]] = defaultdict(set)
    for name, as_of in chosen:
        wanted[as_of].add(name)
    values: dict[tuple[str, date], dict[str, Any]] = defaultdict(dict)
    for as_of, names in wanted.items():
        for mart in MARTS:
            path = home / f"features/{mart}/as_of={as_of}/data.parquet"
            rows = pq.read_table(path, partitioning=None, filters=[("subscriber_id", "in", names)])
            for row in rows.to_pylist():
                values[row["subscriber_id"], as_of] |= {key: one for key, one in row.items() if key not in KEYS}
    return values


def met_cells(landed: Landed, pairs: list[Pair]) -> set[tuple[str, date]]:
    """The cells and days of use in the month before these subscriber-days."""
    return {(cell, use.on) for line, as_of in pairs for number in landed.numbers({line})
            for use in landed.use[number] if window(as_of, 30, use.on) for cell, _ in use.cells}


def judge(
    found: dict[str, Found], pair: Pair, published: dict[str, Any], computed: dict[str, Any] | None, examples: int,
) -> None:
    """Add what one subscriber-day shows; a feature only one side has differs, as does a subscriber nobody expects."""
    mine = computed or {}
    for name in dict.fromkeys([*published, *mine]):
        theirs, ours = published.get(name, "not there"), mine.get(name, "not there")
        one = found[name]
        one.values += 1
        one.missing += theirs is None
        one.seen.add(theirs)
        gap = difference(theirs, ours)
        if gap > NOISE:
            one.differing += 1
            if len(one.examples) < examples:
                one.examples.append(f"{name} of {pair[0]} at {pair[1]}: published {theirs!r}, by definition {ours!r}")
        else:
            one.noise = max(one.noise, gap)


def difference(one: Any, other: Any) -> float:
    """Relative difference of two numbers; for all else 0 when they are equal, infinite when they are not."""
    if isinstance(one, float) and isinstance(other, float | int) and not isinstance(other, bool):
        return abs(one - other) / max(abs(one), abs(other), 1.0) if math.isfinite(one) else math.inf
    return 0.0 if type(one) is type(other) and one == other else math.inf


def table(found: dict[str, Found]) -> str:
    """Markdown: a line a feature."""
    lines = ["| feature | values | of them NULL | distinct | differing | largest relative difference of the others |",
             "|---|---:|---:|---:|---:|---:|"]
    lines += [f"| `{name}` | {one.values:,} | {one.missing:,} | {len(one.seen):,} | {one.differing:,} "
              f"| {one.noise:.0e} |".replace("0e+00", "0") for name, one in found.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
