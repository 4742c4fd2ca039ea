"""Small simulated homes, and their files read by the contract alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.estate import load
from pipelines.landing.contract import BY_ID, Form
from pipelines.settings import PROJECT, settings
from pipelines.simulate import Simulated, scenario, simulate
from pipelines.simulate.life import House
from pipelines.simulate.margin import economy
from pipelines.simulate.plants import Plants
from pipelines.simulate.truth import Truth


@contextmanager
def at(home: Path) -> Iterator[None]:
    """TELCO_HOME is this folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(home))
        patch.delenv("TELCO_ESTATE", raising=False)
        settings.cache_clear()
        yield
    settings.cache_clear()

SIZE = {"subscribers": 300, "days": 60, "nights": 1, "seed": 5}  # of the house most tests look at


def simulated(home: Path, **how: Any) -> Simulated:
    with at(home):
        return simulate(**how)


def lived(subscribers: int, days: int, cutoffs: set[int], name: str = "steady", seed: int = 7) -> tuple[House, Truth]:
    """A house that has lived without writing files, and its truth at some cut-offs."""
    facts, plan = load(PROJECT / "estate.toml"), scenario.load(name)
    plants = Plants(plan, days, seed)
    house = House(subscribers, facts.history_start, days, seed, plants, economy(facts, plan.applied()))
    truth = Truth(house, frozenset(cutoffs))
    house.warm_up()
    for day in house.days():
        truth.before(day.day)
        truth.after(day.day, day.run().events)
    return house, truth


def rows(home: Path, feed_id: str, first: str = "", last: str = "dt=9") -> list[dict[str, Any]]:
    """Rows of a feed in the order of its drops: text (CSV), JSON values with exact decimals, Arrow values."""
    feed, found = BY_ID[feed_id], []
    encoding = load(home / "estate.toml").feeds[feed_id].encoding
    for folder in sorted((home / "landing" / feed.source / feed.name).glob("dt=*")):
        path = folder / feed.file_name
        if not first <= folder.name <= last or not path.exists():
            continue
        if feed.form is Form.PARQUET:
            found += pq.read_table(path, partitioning=None).to_pylist()
        elif feed.form is Form.JSONL:
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [json.loads(line, parse_float=Decimal) for line in lines]
        else:
            with path.open(encoding=encoding, newline="") as handle:
                found += list(csv.DictReader(handle, delimiter=";"))
    return found


def files(home: Path, below: str = "") -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted((home / below).rglob("*"))
            if path.is_file()}
