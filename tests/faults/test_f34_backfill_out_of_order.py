"""F34: days landed in any order, twice, with corrections between, leave the raw of the straight run.

Kills and the warehouse are in tests/live/test_order_free.py.
"""

from __future__ import annotations

import json
import random
import re
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import landing, warehouse
from pipelines.errors import MissingHistory
from pipelines.publish import Dataset, sha256
from pipelines.settings import settings

USAGE, CARE = "network.usage_daily", "care.interactions"
DAYS = 6
FIRST = date(2026, 3, 1)
CORRECTED = {USAGE: 1, CARE: 3}  # by feed: the day that is sent again


def dt(day: int) -> date:
    return FIRST + day * timedelta(days=1)


def at(home: Path, monkeypatch: pytest.MonkeyPatch, drops: ModuleType, secrets: bytes) -> None:
    """A home of its own with every day's drops and the same linking keys."""
    monkeypatch.setenv("TELCO_HOME", str(home))
    settings.cache_clear()
    drops.estate(USAGE, CARE)
    settings().secrets.mkdir(mode=0o700)
    for kind in ("msisdn", "account", "subscription", "imsi"):
        (settings().secrets / f"link_{kind}.json").write_bytes(secrets)
    for feed_id in CORRECTED:
        for day in range(DAYS):
            drops.drop(feed_id, drops.rows(feed_id, 2 + day, dt(day)), dt(day))


def correct(drops: ModuleType, feed_id: str) -> None:
    day = CORRECTED[feed_id]
    drops.drop(feed_id, drops.rows(feed_id, 9, dt(day)), dt(day), produced_at=f"{dt(DAYS)}T10:00:00Z")


def raw_of_this_home() -> dict[str, Any]:
    """sha256 and standing entry of every raw partition."""
    found: dict[str, Any] = {}
    for feed_id in CORRECTED:
        dataset = Dataset(settings().raw / feed_id.replace(".", "/"), ("dt",))
        for (key,), entry in dataset.entries().items():
            found[f"{feed_id} {key}"] = (sha256(dataset.live({"dt": key})), json.dumps(entry.inputs, sort_keys=True),
                                         entry.version, entry.known_on)
    return found


def straight(drops: ModuleType) -> dict[str, Any]:
    for day in range(DAYS):
        landing.land(dt(day + 1))
    for feed_id, day in CORRECTED.items():
        correct(drops, feed_id)
        landing.land(dt(day + 1))
    return raw_of_this_home()


def shuffled(drops: ModuleType, order: random.Random) -> dict[str, Any]:
    """Every day twice, and every correction any time after its day first landed."""
    steps: list[Any] = [*range(DAYS), *range(DAYS), *CORRECTED]
    order.shuffle(steps)
    late = []
    landed: set[int] = set()
    for step in [*steps, *CORRECTED]:
        if isinstance(step, int):
            landing.land(dt(step + 1))
            landed.add(step)
        elif CORRECTED[step] in landed and step not in late:
            correct(drops, step)
            landing.land(dt(CORRECTED[step] + 1))
            late.append(step)
    assert set(late) == set(CORRECTED)
    return raw_of_this_home()


@pytest.mark.parametrize("seed", range(2))
def test_days_landed_in_any_order_and_twice_leave_the_raw_of_the_straight_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drops: ModuleType, seed: int,
) -> None:
    secret = json.dumps({"key": "ab" * 32}).encode()
    at(tmp_path / "straight", monkeypatch, drops, secret)
    wanted = straight(drops)
    at(tmp_path / "shuffled", monkeypatch, drops, secret)
    found = shuffled(drops, random.Random(seed))
    settings.cache_clear()
    assert len(wanted) == 2 * DAYS
    assert found == wanted


def test_a_night_whose_history_has_a_hole_waits_and_names_every_missing_day(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    text = (home / "estate.toml").read_text()
    (home / "estate.toml").write_text(re.sub(r"history_start = \S+", f"history_start = {FIRST}", text))
    for day in (0, 2, 5):
        drops.drop(USAGE, drops.rows(USAGE, 2, dt(day)), dt(day))
        landing.land(dt(day + 1))
    with pytest.raises(MissingHistory, match="held") as held:
        warehouse.unify([dt(6)])
    assert held.value.reasons == (f"{USAGE}: no drop of {dt(1)}, {dt(3)}, {dt(4)}",)
    assert held.value.exit_code == 3
    assert not settings().features.exists()
