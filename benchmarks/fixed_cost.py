"""The fixed cost of a night, and where it goes: a hundred subscribers through the live Airflow, nothing retrained.

    python benchmarks/fixed_cost.py                       # makes a home of 2,000 for its champions first
    python benchmarks/fixed_cost.py --champions /data/h2000

Wall seconds from the start of land_sources to the close of monitor. A hundred people are too few to train on, so the
champions come from a bigger home by `telco models export` and `import`. Two nights: the first warms caches (dbt's
partial parse, numba's). For each task: how long after the end of the DAG's run before it was queued, how long it lay in
the queue, and how long it ran, start of its process and imports included. CPU seconds are those of all parts of the
stack and of all they started. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from house import DAY, ROOT, START, TELCO, machine, made, telco

SUBSCRIBERS, DAYS, NIGHTS = 100, 300, 2
MODELS = ("churn", "ltv")
PATIENCE_S = 1800.0


@dataclass(frozen=True)
class Step:
    """One task of a night; seconds. `waited`: from the end of the DAG's run before this one's to its own queueing."""

    dag: str
    task: str
    waited: float
    queued: float
    ran: float
    state: str


def small(home: Path, source: Path) -> None:
    """A home of a hundred with the champions of another: what is imported first is in force at once."""
    home.mkdir(parents=True, exist_ok=True)
    telco(home, "simulate", "--subscribers", str(SUBSCRIBERS), "--days", str(DAYS), "--nights", str(NIGHTS + 1))
    made(home, SUBSCRIBERS, DAYS, 0)
    first = START + timedelta(days=DAYS)
    for model in MODELS:
        archive = home / f"{model}.zip"
        command(source, "models", "export", model, "1", "--to", str(archive))
        command(home, "models", "import", str(archive), "--challenger")
        command(home, "promote", model, "--version", "1", "--as-of", str(first), "--by", "bench")


def command(home: Path, *words: str) -> None:
    """A command that has no progress to keep quiet about."""
    done = subprocess.run([*TELCO, *words], env={**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"telco {' '.join(words)}: exit {done.returncode}\n{done.stderr}")


def cpu_s(pids: list[int]) -> float:
    """CPU seconds of processes, of all below them and of those they have waited for; Linux only."""
    children: dict[int, list[int]] = defaultdict(list)
    used: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended while we looked
        children[int(fields[1])].append(int(stat.parent.name))
        used[int(stat.parent.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    total, left = 0.0, list(pids)
    while left:
        pid = left.pop()
        total += used.get(pid, 0.0)
        left += children[pid]
    return total


def moment(text: Any) -> datetime:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00"))


def steps(airflow: Any, runs: dict[tuple[str, str], dict[str, Any]], dags: tuple[str, ...], night: str) -> list[Step]:
    """Every task of the night in the order of its start."""
    found: list[Step] = []
    before: datetime | None = None
    for dag in dags:
        run = runs[dag, night]
        tasks = [one for one in airflow.tasks(dag, run["dag_run_id"]).values() if one["start_date"]]
        for task in sorted(tasks, key=lambda one: str(one["start_date"])):
            queued, started, ended = (moment(task[name] or task["start_date"])
                                      for name in ("queued_when", "start_date", "end_date"))
            waited = (queued - before).total_seconds() if before is not None else 0.0
            found.append(Step(dag, task["task_id"], max(waited, 0.0), (started - queued).total_seconds(),
                              (ended - started).total_seconds(), task["state"]))
        before = moment(run["end_date"])
    return found


def table(found: list[Step]) -> str:
    lines = ["| DAG | task | after the DAG before s | queued s | ran s | |", "|---|---|--:|--:|--:|---|"]
    lines += [f"| {one.dag} | {one.task} | {one.waited:.1f} | {one.queued:.1f} | {one.ran:.1f} "
              f"| {'' if one.state == 'success' else one.state} |" for one in found]
    return "\n".join(lines)


def play(home: Path) -> None:
    os.environ.update({"TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)})
    sys.path.insert(0, str(ROOT))
    from pipelines.stack import NIGHTLY, Stack, processes

    first = START + timedelta(days=DAYS)
    shares: list[str] = []
    last: list[Step] = []
    with Stack(report=lambda line: print(line, file=sys.stderr, flush=True)) as airflow:
        for number in range(1, NIGHTS + 1):
            night = first + number * DAY
            load, used = os.getloadavg()[0], cpu_s([part.pid for part in processes.alive()])
            airflow.trigger("land_sources", as_of=night)
            runs = airflow.wait_partitions(NIGHTLY, [night], timeout=PATIENCE_S)
            used = cpu_s([part.pid for part in processes.alive()]) - used
            wall = (moment(runs["monitor", str(night)]["end_date"])
                    - moment(runs["land_sources", str(night)]["start_date"])).total_seconds()
            shares.append(f"| {night}{' (the first)' if number == 1 else ''} | {wall:.0f} | {used:.0f} | {load:.1f} |")
            last = steps(airflow, runs, NIGHTLY, str(night))
            print(shares[-1], file=sys.stderr, flush=True)
    print(f"{SUBSCRIBERS} subscribers, on {machine()}\n")
    print("| night | wall s | CPU s | load |\n|---|--:|--:|--:|\n" + "\n".join(shares) + "\n")
    print("The last night, task by task:\n\n" + table(last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home of a hundred made by an earlier call; it is used up")
    parser.add_argument("--champions", type=Path, help="a home with champions of churn and ltv, both version 1")
    asked = parser.parse_args()
    if asked.home:
        play(asked.home)
        return
    with tempfile.TemporaryDirectory() as scratch:
        source = asked.champions
        if source is None:
            source = made(Path(scratch) / "source", 2000, DAYS, 0)
            for model in MODELS:
                telco(source, "train", model, "--as-of", str(START + timedelta(days=DAYS)))
        small(Path(scratch) / "home", source)
        play(Path(scratch) / "home")


if __name__ == "__main__":
    main()
