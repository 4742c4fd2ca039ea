"""A small simulated operator whose history ends some nights before today, so that tonight's schedule has work to do.

`python small_world.py HOME FIRST LAST` publishes the nights of a copy of a home in one bulk build and scores them, far
from any Airflow: the bytes that every other way of making them is held to.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.clock import DAY, days, parse_day
from pipelines.landing import sealed
from pipelines.landing.tokens import LINKED
from pipelines.publish import sha256
from pipelines.settings import PROJECT, settings

SUBSCRIBERS, HISTORY_DAYS, SEED = 1600, 300, 7  # of 700 the gate refused the first champion on one date of three
SPARE_DROPS = 4  # the simulator writes so many days beyond the nights it is asked for
STORES = ("TELCO_FEAST_REGISTRY", "TELCO_FEAST_REDIS", "MLFLOW_TRACKING_URI")


@dataclass(frozen=True)
class SmallWorld:
    """`first` is the as_of history ends at; `nights` follow it and the last of them is today's."""

    first: date
    nights: list[date]


def make(today: date, nights: int, report: Callable[[str], None]) -> SmallWorld:
    """Simulate into this home, land the history and publish its weekly cut-offs."""
    from pipelines import night
    from pipelines.estate import estate
    from pipelines.simulate import simulate

    fix_keys()
    first = today - nights * DAY
    made = simulate(subscribers=SUBSCRIBERS, days=HISTORY_DAYS, nights=nights - SPARE_DROPS, seed=SEED,
                    start=first - HISTORY_DAYS * DAY, report=report)
    settings.cache_clear()  # the home has an estate of its own now
    assert (made.first_night, made.last_dt) == (first, today - DAY)
    night.land_history(first, initial=True, report=report)
    night.build_history(estate().training_start, first, report=report)
    return SmallWorld(first, list(days(first + DAY, today + DAY)))


def fix_keys() -> None:
    """The same tokens every time: rows are ordered by them, and another order fits another model, which on so few rows
    may be refused by luck."""
    sealed.folder(settings().secrets, settings().secrets)
    for kind in LINKED:
        key = hashlib.sha256(f"{kind.value} 1".encode()).hexdigest()
        sealed.write(settings().secrets / f"link_{kind.value}.json", json.dumps({"key": key}).encode())


def published(home: Path) -> dict[str, str]:
    """sha256 of everything published below a home and of the standing entry of every partition."""
    from ten_days import fingerprint

    files = [path for name in ("scores", "extracts", "champions") for path in sorted((home / name).rglob("*"))
             if path.suffix in (".parquet", ".csv", ".jsonl") and path.name != "manifest.jsonl"]
    return fingerprint(home) | {str(path.relative_to(home)): sha256(path) for path in files}


def reference(home: Path, target: Path, world: SmallWorld) -> subprocess.Popen[str]:
    """Start to publish the nights in a copy of the home, with stores of its own."""
    shutil.copytree(home, target, ignore=shutil.ignore_patterns("airflow", "truth", "reports"))
    env = {name: value for name, value in os.environ.items() if name not in STORES}
    return subprocess.Popen(
        [sys.executable, __file__, str(target), str(world.nights[0]), str(world.nights[-1])], text=True, cwd=PROJECT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**env, "TELCO_HOME": str(target), "PYTHONPATH": str(PROJECT)})


def in_bulk(first: date, last: date) -> None:
    """The nights of [first, last] in one build, then the scores of each."""
    from pipelines import landing, night, warehouse

    nights = list(days(first, last + DAY))
    landing.land_range(first - DAY, last - DAY)
    warehouse.unify(nights, nights=nights)
    for as_of in nights:
        night.score_all(night.Night(as_of))


if __name__ == "__main__":
    assert str(settings().home) == sys.argv[1]
    in_bulk(parse_day(sys.argv[2]), parse_day(sys.argv[3]))
