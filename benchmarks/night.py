"""Our night beside the floor: the same as_of of the same home, turn about, by stage.

    python benchmarks/night.py --subscribers 5000                              # a home in a temporary folder
    python benchmarks/night.py --subscribers 10000,100000 --home /data/bench   # kept, or taken up again
    python benchmarks/night.py --subscribers 1000000 --home /data/bench --champions /data/bench/10000x225 --nodes 20

For each size: a house of `steady`, 225 days in a dump and a night for every turn; history loaded in bulk, churn and
lifetime value trained on its last day. Then every turn runs the next night: each stage of ours in processes of its
own, as the DAGs do, then benchmarks/floor.py for the same as_of, and the two are compared subscriber by subscriber
(floor_equal.py); what differs ends the run. Printed are medians over the turns as Markdown: wall and CPU seconds with
all children, the largest resident memory of the process tree, the ratio of each stage, from the second size on the
exponent of its growth, and what parts of the last night's stages took (stages.py).

Same duties are features and score: from raw/ to features, scores, reasons and extract. `features` is unify without the
labels that mature tonight, which the floor does not make: unify as every night runs it stands beside it. Ours tests its
data, publishes roster and consents with the features, and can be repeated; the floor does none of that. A night that
landed before is not landed again, and its land has no figure.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from costs import Cost, median, watched  # noqa: E402
from floor_equal import compared  # noqa: E402
from history import dbt_seconds  # noqa: E402
from house import DAY, LONGEST_WINDOW, START, machine, published, telco  # noqa: E402
from stages import MODELS, STAGES  # noqa: E402

DUTIES = ("features", "score")
LAPS = {"features": ("features",), "score": ("matrix", "churn", "words", "ltv", "write"), "desk": ("desk",)}
Turn = dict[str, Cost]  # by stage; the floor's as "floor features" and so on


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", default="5000", help="sizes, comma separated (default: 5000)")
    parser.add_argument("--days", type=int, default=225, help="days of history in the dump (default: 225)")
    parser.add_argument("--turns", type=int, default=3, help="nights, each ours and the floor's (default: 3)")
    parser.add_argument("--home", type=Path, help="folder for the homes, kept; by default a temporary one, deleted")
    parser.add_argument("--champions", type=Path, help="a home whose champions score these ones too: nothing is "
                        "trained and of history nothing but raw/ is made, which a night reads alone")
    parser.add_argument("--stages", default=",".join(STAGES), help=f"of ours that run (default: {','.join(STAGES)})")
    parser.add_argument("--nodes", type=int, default=0, help="models and tests of the last dbt build to show")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    sizes = sorted(int(size) for size in options.subscribers.split(","))
    print(f"{machine()}; TELCO_MEMORY_LIMIT {os.environ.get('TELCO_MEMORY_LIMIT') or 'default'}", flush=True)
    before: dict[str, tuple[int, Cost]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            home = (options.home or Path(place)) / f"{size}x{options.days}"
            ready(home, size, options.days, options.turns, options.champions)
            turns = [turn(home, START + timedelta(days=options.days + number), options.stages.split(","))
                     for number in range(1, options.turns + 1)]
            found = {stage: median([one[stage] for one in turns if stage in one])
                     for stage in dict.fromkeys(stage for one in turns for stage in one)}
            print("\n".join([f"\n{size:,} subscribers x {options.days} days, {options.turns} turns; {machine()}\n",
                             *table(found, before, size)]), flush=True)
            print("\n".join(parts(turns[-1])), flush=True)
            if options.nodes:
                print("\n".join(nodes(home, options.nodes)))
            before = {stage: (size, cost) for stage, cost in found.items()}
    return 0


def ready(home: Path, subscribers: int, days: int, nights: int, champions: Path | None = None) -> None:
    """A home with its history and both champions in force, its nights dropped and not yet landed.

    With `champions`, those of that home: a model knows columns and no subscribers, so what it costs is the same.
    """
    home.mkdir(parents=True, exist_ok=True)
    last = START + timedelta(days=days)
    if not (home / "estate.toml").exists():
        telco(home, "simulate", "--subscribers", str(subscribers), "--days", str(days), "--nights", str(nights))
    if champions is not None and champions.resolve() != home.resolve():
        land = ("from datetime import date; from pipelines.night import land_history; "
                f"land_history(date.fromisoformat('{last}'), initial=True)")
        told(last, "land history", watched(["-c", land], home, "land history"))
        for folder in ("models", "champions"):
            shutil.copytree(champions / folder, home / folder, dirs_exist_ok=True)
        return
    if not published(home, last):
        telco(home, "bootstrap", "--from", str(START + LONGEST_WINDOW), "--to", str(last), "--initial")
    for model in MODELS:
        if not (home / f"champions/{model}.jsonl").exists():
            telco(home, "train", model, "--as-of", str(last))


def turn(home: Path, as_of: date, stages: list[str]) -> Turn:
    """One night of ours by stage, then the floor's, which must have made the same."""
    landed = (home / f"raw/network/usage_daily/dt={as_of - DAY}/data.parquet").exists()
    found: Turn = {}
    for stage in stages:
        if stage != "land" or not landed:
            words = [str(ROOT / "benchmarks/stages.py"), "--as-of", str(as_of), "--stage", stage]
            found[stage] = watched(words, home, f"{stage} {as_of}")
            told(as_of, stage, found[stage])
    out = home / "floor"
    whole = watched([str(ROOT / "benchmarks/floor.py"), "--home", str(home), "--as-of", str(as_of), "--out", str(out)],
                    home, f"floor {as_of}")
    laps = json.loads(whole.said.splitlines()[-1])["laps"]
    for stage, names in LAPS.items():
        wall, cpu = (sum(laps[name][place] for name in names) for place in (0, 1))
        found[f"floor {stage}"] = Cost(wall, cpu, whole.peak_mb)
    told(as_of, f"floor {laps}", whole)
    if "score" in stages:
        print(f"{as_of}: {compared(home, as_of, out)}", file=sys.stderr, flush=True)
    return found


def told(as_of: date, what: str, cost: Cost) -> None:
    print(f"{as_of} {what}: {cost.wall_s:.1f} s, CPU {cost.cpu_s:.1f} s, {cost.peak_mb:.0f} MB, "
          f"load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)


def table(found: dict[str, Cost], before: dict[str, tuple[int, Cost]], size: int) -> Iterator[str]:
    """Markdown lines: a stage each, then the sums that are compared."""
    yield "| stage | ours: wall s (CPU s) | peak MB | floor: wall s (CPU s) | peak MB | ratio (CPU) | exponent (CPU) |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name, stages in {**{stage: (stage,) for stage in STAGES}, "**same duties**": DUTIES,
                         "same duties and desk": (*DUTIES, "desk")}.items():
        ours = [found[stage] for stage in stages if stage in found]
        floors = [found[f"floor {stage}"] for stage in stages if f"floor {stage}" in found]
        if len(ours) == len(stages):
            floor = added(floors) if len(floors) == len(stages) else None
            yield row(name, added(ours), floor, grown(stages, added(ours), before, size))
    both = [added([found[stage] for stage in stages]) for stages in (("land", "monitor"), DUTIES)
            if all(stage in found for stage in stages)]
    if len(both) == 2:
        yield (f"\ndoor, tokens and drift (land, monitor) beside the duties: {both[0].wall_s / both[1].wall_s:.2f} x "
               f"(CPU {both[0].cpu_s / both[1].cpu_s:.2f} x)")


def added(costs: list[Cost]) -> Cost:
    whole = costs[0]
    for cost in costs[1:]:
        whole += cost
    return whole


def row(name: str, ours: Cost, floor: Cost | None, growth: str) -> str:
    if floor is None:
        return f"| {name} | {ours.wall_s:.1f} ({ours.cpu_s:.1f}) | {ours.peak_mb:.0f} | | | | {growth} |"
    return (f"| {name} | {ours.wall_s:.1f} ({ours.cpu_s:.1f}) | {ours.peak_mb:.0f} | {floor.wall_s:.1f} "
            f"({floor.cpu_s:.1f}) | {floor.peak_mb:.0f} | {ours.wall_s / floor.wall_s:.2f} "
            f"({ours.cpu_s / floor.cpu_s:.2f}) | {growth} |")


def grown(stages: tuple[str, ...], now: Cost, before: dict[str, tuple[int, Cost]], size: int) -> str:
    """The exponents of wall and CPU seconds from the size before."""
    if not all(stage in before for stage in stages):
        return ""
    smaller = before[stages[0]][0]
    then = added([before[stage][1] for stage in stages])
    wall, cpu = (math.log(after / earlier) / math.log(size / smaller)
                 for after, earlier in ((now.wall_s, then.wall_s), (now.cpu_s, then.cpu_s)))
    return f"{wall:.2f} ({cpu:.2f})"


def parts(turn: Turn) -> Iterator[str]:
    """Markdown of where the last night's stages spent their time."""
    yield "\n| stage | part | wall s | CPU s |\n|---|---|---:|---:|"
    for stage, cost in turn.items():
        if stage in STAGES:
            yield from (f"| {stage} | {part} | {wall:.1f} | {cpu:.1f} |"
                        for part, (wall, cpu) in json.loads(cost.said.splitlines()[-1]).items())


def nodes(home: Path, shown: int) -> Iterator[str]:
    """Markdown of the longest models and tests of the home's last build."""
    seconds = dbt_seconds(home)
    yield f"\nthe last dbt build, {sum(seconds.values()):.1f} s over its threads:\n\n| model or test | s |\n|---|---:|"
    yield from (f"| {name} | {took:.2f} |" for name, took in list(seconds.items())[:shown])


if __name__ == "__main__":
    sys.exit(main())
