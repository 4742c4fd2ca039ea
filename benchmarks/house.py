"""A simulated house as other benchmarks need one: files, history and nights, made by the commands a person types."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TELCO = (sys.executable, "-c", "from pipelines.cli import main; main()")
START, LONGEST_WINDOW, DAY = date(2025, 11, 1), timedelta(days=90), timedelta(days=1)


def made(home: Path, subscribers: int, days: int, nights: int, *, scenario: str = "steady", seed: int = 7,
         apart: int = 1) -> Path:
    """Simulate into `home`, bootstrap the weekly as_ofs from day 90 and the last day, then land `nights` and unify
    every `apart`-th of them.

    What was done before is not done again, so a home that is kept may be measured many times.
    """
    home.mkdir(parents=True, exist_ok=True)
    last = START + timedelta(days=days)
    if not (home / "estate.toml").exists():
        telco(home, "simulate", "--scenario", scenario, "--subscribers", str(subscribers), "--days", str(days),
              "--nights", str(nights), "--seed", str(seed))
    if not published(home, last):
        telco(home, "bootstrap", "--from", str(START + LONGEST_WINDOW), "--to", str(last), "--initial")
    for number in range(1, nights + 1):
        night, unified = last + DAY * number, last + DAY * apart * -(-number // apart)
        if not published(home, unified):
            telco(home, "land", "--as-of", str(night))
            if night == unified:
                telco(home, "unify", "--as-of", str(night))
    return home


def published(home: Path, as_of: date) -> bool:
    """Whether the features of an as_of are published in this home."""
    return (home / f"features/ftr_subscriber_care/as_of={as_of}/data.parquet").exists()


def telco(home: Path, *words: str) -> None:
    """Run a command in a process of its own and say what it took. One that fails ends the bench with its words."""
    began = time.monotonic()
    done = subprocess.run(
        [*TELCO, *words, "--quiet"], env={**os.environ, "TELCO_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )
    if done.returncode != 0:
        said = "\n".join(done.stderr.strip().splitlines()[-30:])
        raise SystemExit(f"telco {' '.join(words)}: exit {done.returncode}; the home is {home}\n{said}")
    print(f"telco {' '.join(words)}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def machine() -> str:
    """One line that names what this is measured on, without naming whose it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, load {os.getloadavg()[0]:.1f}"
