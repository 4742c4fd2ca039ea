"""The training ledger at an operator's size: what it weighs, what writing it costs, how long each question takes.

`python benchmarks/ledger.py [--subscribers 1000000] [--cutoffs 6] [--versions 10]`, in a home of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np


def frame(subscribers: int, cutoffs: int, seed: int = 1):  # type: ignore[no-untyped-def]
    """Everyone has a row at every cut-off, in the order a training frame has."""
    import pandas as pd

    text = np.random.default_rng(seed).bytes(16 * subscribers).hex()
    people = np.array(sorted(f"sub_{text[at:at + 32]}" for at in range(0, len(text), 32)), dtype=object)
    stamps = [pd.Timestamp(date(2026, 1, 5) + timedelta(days=7 * week)) for week in range(cutoffs)]
    return pd.DataFrame({"subscriber_id": np.tile(people, cutoffs),
                         "event_timestamp": np.repeat(np.array(stamps, dtype="M8[us]"), subscribers)})


def asked(*words: str) -> float:
    """Wall seconds of one command, Python's start included."""
    started = time.monotonic()
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "audit", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--subscribers", type=int, default=1_000_000)
    options.add_argument("--cutoffs", type=int, default=6)
    options.add_argument("--versions", type=int, default=10)
    given = options.parse_args()
    home = Path(tempfile.mkdtemp(prefix="telco_ledger_"))
    os.environ["TELCO_HOME"] = str(home)
    from pipelines.governance import ledger

    rows = frame(given.subscribers, given.cutoffs)
    facts = {"identity": "b", "trained_as_of": "2026-06-01", "feature_service": "churn_v2", "frame_digest": "",
             "git_commit": "", "processing": {"purpose": "MODEL_TRAINING", "regions": ["EU"], "basis": "consent",
                                              "consent_sha256": ""}}
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    started, cpu = time.monotonic(), time.process_time()
    made = ledger.write("churn", 1, rows, facts)
    print(f"write: {time.monotonic() - started:.1f} s, {time.process_time() - cpu:.1f} CPU s")
    weight = sum(path.stat().st_size for path in made.directory.iterdir())
    print(f"{len(rows):,} rows of {given.subscribers:,} subscribers: {weight / 1e6:.1f} MB")
    for version in range(2, given.versions + 1):
        shutil.copytree(made.directory, ledger.path_of("churn", version))
    someone = rows["subscriber_id"].iloc[given.subscribers // 3]
    for words in (("trained-by", "churn:1"), ("trained-by", "churn:1", "--list"),
                  ("trained-by", "churn:1", "--to", str(home / "tokens.txt")), ("models-of", someone)):
        named = words[0] + "".join(f" {word}" for word in words[2:3])
        print(f"telco audit {named}: {asked(*words):.2f} s" + (f" over {given.versions} versions"
                                                               if words[0] == "models-of" else ""))
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
