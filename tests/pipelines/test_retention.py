"""Files with clear identifiers leave after their days, and what is not in the house yet does not."""

from __future__ import annotations

import importlib.util
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing, retention

USAGE = "network.usage_daily"
LATER = date(2026, 8, 1)


@pytest.fixture
def drops() -> ModuleType:
    path = Path(__file__).parent / "landing" / "drops.py"
    spec = importlib.util.spec_from_file_location("telco_drops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def landed(home: Path, drops: ModuleType) -> Path:
    """A home with a landed drop whose bad rows wait; its files were written on the day they came."""
    drops.estate(USAGE)
    rows = drops.rows(USAGE, 300)
    drops.drop(USAGE, [{**rows[0], "data_kb": -1}, *rows[1:]])
    landing.land(drops.AS_OF)
    written(home, drops.AS_OF)
    return home


def written(home: Path, day: date) -> None:
    at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC).timestamp()
    for store in ("landing", "quarantine"):
        for path in (home / store).rglob("*"):
            if path.is_file():
                os.utime(path, (at, at))


def files(home: Path, store: str) -> list[str]:
    return sorted(path.name for path in (home / store).rglob("*") if path.is_file())


def test_each_store_keeps_its_own_time_to_the_day(landed: Path, drops: ModuleType) -> None:
    last = drops.AS_OF + timedelta(days=30)
    assert [store.files for store in retention.purge(last)] == [0, 0, 0, 0]
    landing_store, quarantine_store, *_ = retention.purge(last + timedelta(days=1))
    assert (landing_store.files, quarantine_store.files) == (2, 0)
    assert files(landed, "landing") == []
    assert len(files(landed, "quarantine")) == 2
    assert retention.purge(drops.AS_OF + timedelta(days=91))[1].files == 2
    assert files(landed, "quarantine") == []
    assert drops.raw(USAGE).num_rows == 299  # raw/ has no clear identifiers and stays


def test_landing_again_after_the_file_is_gone_changes_nothing(landed: Path, drops: ModuleType) -> None:
    retention.purge(LATER)
    (again,) = landing.land(drops.AS_OF)
    assert (again.state, again.rows) == ("duplicate", 299)


def test_an_old_day_that_came_today_is_kept_from_today_on(landed: Path, drops: ModuleType) -> None:
    written(landed, LATER)
    assert [store.files for store in retention.purge(LATER)][:2] == [0, 0]


def test_a_drop_that_is_not_in_the_house_is_kept_and_named(landed: Path, drops: ModuleType) -> None:
    waiting = drops.DT + timedelta(days=1)
    drops.drop(USAGE, dt=waiting)
    written(landed, drops.AS_OF)
    purged = retention.purge(LATER)[0]
    assert (purged.files, purged.kept) == (2, (f"{USAGE} dt={waiting}",))
    assert len(files(landed, "landing")) == 2


def test_a_folder_that_is_a_link_or_no_day_is_left_alone(landed: Path, drops: ModuleType, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep")
    (landed / "landing/network/usage_daily/dt=2026-01-01").symlink_to(outside)
    (landed / "landing/network/usage_daily/dt=nonsense").mkdir()
    retention.purge(date(2028, 1, 1))
    assert (outside / "precious").read_text() == "keep"
    assert (landed / "landing/network/usage_daily/dt=nonsense").exists()
