"""Every scenario of the simulator through the whole house: simulate, bootstrap, train both models, nights, one table.

    python benchmarks/scenarios.py                          # every scenario at 5,000 subscribers, 300 days, 2 nights
    python benchmarks/scenarios.py price_rise my_own.toml   # these only

Each runs in a temporary home of its own by the same commands a person types. A step that holds (exit 3) is no fault of
the bench: the table says which, and why is printed below it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TELCO = (sys.executable, "-c", "from pipelines.cli import main; main()")
START, CUTOFF = date(2025, 11, 1), timedelta(days=90)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", help="names of `telco simulate --list`, or TOML files (default: all)")
    parser.add_argument("--subscribers", type=int, default=5000)
    parser.add_argument("--days", type=int, default=300, help="days of history in the dump")
    parser.add_argument("--nights", type=int, default=2, help="nights played after it")
    options = parser.parse_args(words)
    names = options.scenarios or sorted(path.stem for path in (ROOT / "pipelines/simulate/scenarios").glob("*.toml"))
    print("| scenario | seconds | rows landed | in quarantine | churn AUC | gate | scored a night | drift | held |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    reasons = []
    for name in names:
        with tempfile.TemporaryDirectory() as home:
            row, held = played(name, Path(home), options)
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
        reasons += [f"{name}: {words}" for words in held]
    print("", *reasons, sep="\n")
    return 0


def played(name: str, home: Path, options: argparse.Namespace) -> tuple[list[Any], list[str]]:
    """One scenario in a home of its own: its line of the table, and the words of what held."""
    began = time.monotonic()
    today = START + timedelta(days=options.days)
    held: list[str] = []
    run(home, held, "simulate", "--scenario", name, "--subscribers", str(options.subscribers),
        "--days", str(options.days), "--nights", str(options.nights))
    run(home, held, "bootstrap", "--from", str(START + CUTOFF), "--to", str(today), "--initial")
    churn = run(home, held, "train", "churn", "--as-of", str(today))
    run(home, held, "train", "ltv", "--as-of", str(today))
    nights = [
        run(home, held, "night", "--as-of", str(today + timedelta(days=number + 1)))
        for number in range(options.nights)
    ]
    journals = home.glob("raw/**/manifest.jsonl")
    drops = [json.loads(line) for path in journals for line in path.read_text().splitlines()]
    accepted = [drop for line in drops if line["state"] == "committed" for drop in line["inputs"]["drops"][-1:]]
    scored = [night["scored"]["churn"]["rows"] if night and night["scored"].get("churn") else "-" for night in nights]
    drift = [night["monitored"]["churn"]["status"] if night and night["monitored"] else "-" for night in nights]
    verdict = ("passed" if churn["result"]["verdict"]["passed"] else "held") if churn else "-"
    auc = churn["result"]["evaluation"]["metrics"]["auc"] if churn else float("nan")
    return [
        name, round(time.monotonic() - began), f"{sum(drop['rows'] for drop in accepted):,}",
        sum(drop["quarantined"] for drop in accepted), f"{auc:.3f}", verdict, " ".join(map(str, scored)),
        " ".join(drift), len(held) or "no",
    ], held


def run(home: Path, held: list[str], *words: str) -> Any:
    """A command's JSON. One that holds leaves its reason and None; one that fails ends the bench."""
    settings = {**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*TELCO, *words, "--json", "--quiet"], env=settings, capture_output=True, text=True)
    if done.returncode == 0:
        # A library may have printed a line of its own before.
        return json.loads(done.stdout[min(at for at in map(done.stdout.find, "{[") if at >= 0):])
    said = done.stderr.strip().splitlines()
    if done.returncode != 3:
        raise SystemExit(f"telco {' '.join(words)}: exit {done.returncode}\n" + "\n".join(said[-30:]))
    held.append(f"{words[0]} {words[-1]}: " + " ".join(said[-6:]))
    return None


if __name__ == "__main__":
    sys.exit(main())
