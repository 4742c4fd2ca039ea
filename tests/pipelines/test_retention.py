"""Files with clear identifiers leave after their days, and what is not in the house yet does not."""

from __future__ import annotations

import importlib.util
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing, retention
from pipelines.errors import UsageError
from pipelines.estate import estate
from pipelines.governance import audit
from pipelines.publish import Dataset
from pipelines.settings import settings

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


def retention_of(home: Path, **days: int) -> None:
    with (home / "estate.toml").open("a") as out:
        out.write("\n[retention]\n" + "".join(f"{name} = {value}\n" for name, value in days.items()))
    settings.cache_clear()


@pytest.mark.parametrize(("name", "least"), [("raw", 492), ("features", 127), ("scores", 127)])
def test_a_retention_shorter_than_what_is_still_read_is_refused(
    home: Path, drops: ModuleType, name: str, least: int
) -> None:
    drops.estate(USAGE)
    retention_of(home, **{name: least - 1})
    with pytest.raises(UsageError, match=f"{name} = {least - 1} days is shorter than the {least}"):
        estate()
    drops.estate(USAGE)
    retention_of(home, **{name: least})
    assert getattr(estate().retention, name) == least


def test_raw_events_leave_by_their_journal_and_states_stay(home: Path, drops: ModuleType) -> None:
    lines = "billing_alpha.subscriptions"
    drops.estate(USAGE, lines)
    retention_of(home, raw=500)
    for feed_id in (USAGE, lines):
        drops.drop(feed_id)
    landing.land(drops.AS_OF)
    written(home, drops.AS_OF)
    last = drops.DT + timedelta(days=500)
    assert by_store(retention.purge(last))["raw"] == 0
    gone = retention.purge(last + timedelta(days=1))
    assert by_store(gone)["raw"] == 1
    assert not drops.raw_path(USAGE).exists()
    assert drops.raw(lines).num_rows == 3  # an old row of a line may still be how it stands
    drops.drop(USAGE)
    assert {one.state for one in landing.land(drops.AS_OF)} == {"duplicate"}  # what is over does not come in again
    assert [line.facts["files"]["raw"] for line in audit.history("purge") if "raw" in line.facts["files"]] == [1]


def test_cut_offs_of_training_outlive_other_nights(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    retention_of(home, features=200, scores=200)
    start = estate().training_start
    features = Dataset(home / "features/ftr_a", ("as_of",))
    scores = Dataset(home / "scores/churn", ("as_of", "version"))
    nights = [start + timedelta(days=number) for number in range(15)]
    for night in nights:
        features.publish({"as_of": str(night)}, lambda path: path.write_text("x"))
        scores.publish({"as_of": str(night), "version": "1"}, lambda path: path.write_text("x"))
    gone = by_store(retention.purge(nights[-1] + timedelta(days=300)))
    assert (gone["features"], gone["scores"]) == (12, 15)
    left = [key[0] for key, entry in features.entries().items() if entry.state == "committed"]
    assert left == [str(start + timedelta(days=number)) for number in (0, 7, 14)]


def test_reports_and_logs_leave_and_the_proofs_stay(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    for name in ("drift/as_of=2026-01-01/report.html", "erasure/R1/proof.json", "drift/index.html"):
        (home / "reports" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "reports" / name).write_text("x")
    (home / "logs").mkdir()
    (home / "logs" / "old.log").write_text("x")
    for path in home.rglob("*.*"):
        os.utime(path, (datetime(2026, 1, 2, tzinfo=UTC).timestamp(),) * 2)
    os.utime(home / "reports/drift/index.html", (datetime(2027, 6, 1, tzinfo=UTC).timestamp(),) * 2)
    gone = by_store(retention.purge(date(2027, 6, 2)))
    assert (gone["reports"], gone["logs"]) == (1, 1)
    assert sorted(path.name for path in (home / "reports").rglob("*") if path.is_file()) == ["index.html", "proof.json"]


def by_store(purged: list[retention.Purged]) -> dict[str, int]:
    return {one.store: one.files for one in purged}
