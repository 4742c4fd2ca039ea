"""Seconds and memory of the warehouse: a bootstrap of history, and one night on top of it.

    python benchmarks/history.py                                          # 3,000 subscribers x 225 days
    python benchmarks/history.py --subscribers 10000,30000,100000         # one after the other, with the exponent
    python benchmarks/history.py --home /data/bench --subscribers 300000  # keep the home, or take it up again

For each size: simulates a house with a day-zero dump and daily drops after it, lands it in bulk, then measures the
dbt build and its publication for (a) the weekly cut-offs a bootstrap publishes and (b) one as_of more. Each step is a
process of its own; wall seconds, CPU seconds with its children, and the largest resident memory of its whole tree,
looked at five times a second. Prints Markdown: the steps, then the slowest models and tests of each dbt build.
A home that was bootstrapped before is taken as it is: what has landed is not landed again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

STEPS = {
    "simulate": "from pipelines.simulate import simulate\nsimulate({subscribers}, {days}, nights=2, seed=7)",
    "land history": "from pipelines.night import land_history\nland_history(last, initial=True)",
    "bootstrap": "from pipelines import warehouse\nfrom pipelines.night import grid\n"
                 "warehouse.unify(sorted({{*grid(estate().training_start, last), last}}), nights=[last])",
    "land a day": "from pipelines import landing\nlanding.land(last + DAY)",
    "one night": "from pipelines import warehouse\nwarehouse.unify([last + DAY])",
}
_HEAD = """
from datetime import timedelta
from pipelines.clock import DAY
from pipelines.estate import estate
"""
_LAST = "last = estate().history_start + timedelta(days={days})\n"
_BUILDS = ("bootstrap", "one night")
_LOOK_S = 0.2


@dataclass(frozen=True)
class Step:
    """What one step cost. `nodes` are seconds by model and test, of the steps that run dbt."""

    name: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    nodes: dict[str, float]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", default="3000", help="sizes, comma separated (default: 3000)")
    parser.add_argument("--days", type=int, default=225, help="days of history (default: 225)")
    parser.add_argument("--home", type=Path, help="folder for the homes, kept; by default a temporary one, deleted")
    parser.add_argument("--skip", default="", help="steps of an existing home to leave out, comma separated, for "
                        f"example 'bootstrap'; the steps are {', '.join(STEPS)}")
    parser.add_argument("--slowest", type=int, default=12, help="models and tests shown per build (default: 12)")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    sizes = [int(size) for size in options.subscribers.split(",")]
    load = os.getloadavg()[0]
    measured: dict[int, list[Step]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            home = (options.home or Path(place)) / f"{size}x{options.days}"
            measured[size] = run_steps(home, size, options.days, set(options.skip.split(",")))
    print(machine(load))
    print(table(measured, options.days))
    for size, steps in measured.items():
        print("\n".join(slowest(size, step, options.slowest) for step in steps if step.nodes))
    return 0


def run_steps(home: Path, subscribers: int, days: int, skipped: set[str]) -> list[Step]:
    """Every step that is not skipped; a home that was simulated is not simulated again."""
    home.mkdir(parents=True, exist_ok=True)
    if (home / "estate.toml").exists():
        skipped = skipped | {"simulate"}
    steps = []
    for name, code in STEPS.items():
        if name not in skipped:
            steps.append(measure(name, home, code.format(subscribers=subscribers, days=days), days))
            print(f"{subscribers} x {days}: {name} {steps[-1].wall_s:.1f} s", file=sys.stderr, flush=True)
    return steps


def measure(name: str, home: Path, code: str, days: int) -> Step:
    """Run one step in a process of its own and watch its tree. Raises SystemExit with the step's own words."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    program = _HEAD + (code if name == "simulate" else _LAST.format(days=days) + code)
    # Our own interpreter and the programs above: nothing of a file or a user is in them.
    child = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT,
        env={**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)},
    )
    peak = 0.0
    while child.poll() is None:
        peak = max(peak, tree_mb(child.pid))
        time.sleep(_LOOK_S)
    if child.returncode != 0:
        raise SystemExit(f"{name}: the step failed, see above; the home is {home}")
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Step(name, wall, cpu, peak, dbt_seconds(home) if name in _BUILDS else {})


def tree_mb(root: int) -> float:
    """Resident memory of a process and everything below it, MB of 1024 x 1024 bytes. Linux only."""
    children: dict[int, list[int]] = defaultdict(list)
    pages: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue  # it ended while we looked
        pid = int(stat.parent.name)
        children[int(fields[1])].append(pid)
        pages[pid] = int(fields[21])
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        total += pages.get(pid, 0)
        waiting += children[pid]
    return total * resource.getpagesize() / 2**20


def dbt_seconds(home: Path) -> dict[str, float]:
    """Seconds of each model and test of the last build of a home, slowest first."""
    results = json.loads((home / "warehouse/dbt/run_results.json").read_text())["results"]
    spent = {result["unique_id"].split(".", 2)[2]: result["execution_time"] for result in results}
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def machine(load: float) -> str:
    """One line that names what this was measured on, without naming whose it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    limit = os.environ.get("TELCO_MEMORY_LIMIT") or "default"
    return f"\n{os.cpu_count()} cores, {memory:.0f} GB, load {load:.1f} before; TELCO_MEMORY_LIMIT {limit}\n"


def table(measured: dict[int, list[Step]], days: int) -> str:
    """Markdown: a line per size and step; the exponent says how wall seconds grew from the size before."""
    lines = ["| subscribers | step | wall s | CPU s | peak MB | exponent |", "|---:|---|---:|---:|---:|---:|"]
    before: dict[str, tuple[int, float]] = {}
    for size, steps in sorted(measured.items()):
        for step in steps:
            grown = ""
            if step.name in before and before[step.name][0] < size:
                smaller, seconds = before[step.name]
                grown = f"{math.log(step.wall_s / seconds) / math.log(size / smaller):.2f}"
            lines.append(f"| {size:,} x {days} | {step.name} | {step.wall_s:.1f} | {step.cpu_s:.1f} "
                         f"| {step.peak_mb:.0f} | {grown} |")
            before[step.name] = (size, step.wall_s)
    return "\n".join(lines)


def slowest(size: int, step: Step, shown: int) -> str:
    """Markdown: the models and tests of one build that took longest."""
    rows = [f"| {name} | {seconds:.1f} |" for name, seconds in list(step.nodes.items())[:shown]]
    head = [f"\n{size:,} subscribers, {step.name}, dbt {sum(step.nodes.values()):.0f} s over its threads:\n",
            "| model or test | s |", "|---|---:|"]
    return "\n".join([*head, *rows])


if __name__ == "__main__":
    sys.exit(main())
