"""The embedded Airflow, on SQLite, over a small simulated operator: history and champions by their DAGs, two nights.

The same nights again, backwards and through kills are in test_airflow_on_postgres.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines import demo
from pipelines.clock import DAY
from pipelines.errors import TelcoError
from pipelines.settings import settings
from pipelines.stack import NIGHTLY, Airflow, RunFailed, Stack, processes

pytestmark = pytest.mark.live


def tell(line: str) -> None:
    print(line, flush=True)


def published() -> set[str]:
    """The files of this home that hold features, scores or an extract."""
    home = settings().home
    return {str(path.relative_to(home)) for folder in ("features", "scores", "extracts")
            for path in (home / folder).rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Nights:
    airflow: Airflow
    days: list[date]
    files: set[str]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """A home with history and champions, and two nights backfilled through the running stack."""
    from pipelines.simulate import simulate

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("live") / "home"))
        for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        settings.cache_clear()
        made = simulate(subscribers=1000, days=demo.HISTORY_DAYS, nights=demo.NIGHTS, seed=demo.SEED, report=tell)
        settings.cache_clear()
        days = [made.first_night + offset * DAY for offset in (1, 2)]
        with Stack(report=tell) as airflow:
            demo.load_history(airflow, made.first_night, tell)
            demo.train_champions(airflow, made.first_night, tell)
            demo.play_nights(airflow, days, tell)
            started = [part.pid for part in processes.alive()]
            assert len(started) == 4
            yield Nights(airflow, days, published())
        # Asked of the system, not of our own records.
        assert not [pid for pid in started if psutil.pid_exists(pid)]
    settings.cache_clear()


def runs(airflow: Airflow, dag_id: str, days: list[date]) -> Counter[str]:
    keys = {day.isoformat() for day in days}
    return Counter(run["partition_key"] for run in airflow.runs(dag_id) if run["partition_key"] in keys)


def test_a_backfill_of_two_dates_runs_the_whole_chain_once_for_each_of_them(nights: Nights) -> None:
    expected = Counter(day.isoformat() for day in nights.days)
    assert {dag_id: runs(nights.airflow, dag_id, nights.days) for dag_id in NIGHTLY} == dict.fromkeys(NIGHTLY, expected)


def test_every_night_left_features_scores_an_extract_and_a_verdict(nights: Nights) -> None:
    for day in nights.days:
        for wanted in (f"features/roster/as_of={day}/data.parquet", f"scores/churn/as_of={day}/version=1/data.parquet",
                       f"scores/ltv/as_of={day}/version=1/data.parquet", f"extracts/as_of={day}/scores.csv"):
            assert wanted in nights.files
        assert (settings().reports / "drift" / "churn" / f"as_of={day}" / "verdict.json").exists()


def test_the_automatic_run_after_unpausing_a_finished_operator_is_skipped(nights: Nights) -> None:
    keys = {day.isoformat() for day in nights.days}
    others = [run for run in nights.airflow.runs("land_sources") if run["partition_key"] not in keys]
    states = {name: task["state"] for run in others
              for name, task in nights.airflow.tasks("land_sources", run["dag_run_id"]).items()}
    assert states.pop("purge") == "success"  # what is past its retention goes, whatever lands
    assert set(states.values()) == {"skipped"}


@pytest.mark.parametrize("dag_id", ["unify", "retrain_churn"])
def test_a_run_without_a_partition_key_fails_and_says_why(nights: Nights, dag_id: str) -> None:
    with pytest.raises(RunFailed, match="no partition key"):
        nights.airflow.wait_run(dag_id, nights.airflow.trigger(dag_id), timeout=120, report=tell)


def test_a_hold_is_a_failed_task_without_retry_that_names_what_is_missing(nights: Nights) -> None:
    """Training before any label has matured: held at the first try, and the message says from when on it can be."""
    early = date(2026, 1, 1)  # no label has matured by then
    with pytest.raises(RunFailed, match="no cut-off matured"):
        nights.airflow.wait_run("retrain_churn", nights.airflow.trigger("retrain_churn", as_of=early), timeout=180)
    (run,) = [run for run in nights.airflow.runs("retrain_churn") if run["partition_key"] == early.isoformat()]
    (task,) = nights.airflow.tasks("retrain_churn", run["dag_run_id"]).values()
    assert (task["state"], task["try_number"]) == ("failed", 1)


def test_words_that_are_no_day_are_refused_before_a_run_exists(nights: Nights) -> None:
    conf: dict[str, Any] = {"from": "2026-03-01' or 1=1 --", "to": "2026-03-02", "initial": False}
    with pytest.raises(TelcoError, match="400"):
        nights.airflow.trigger("bootstrap_history", conf=conf)


def test_no_secret_and_no_password_is_in_a_log(nights: Nights) -> None:
    from pipelines.stack.environment import load_secrets

    keys = load_secrets()
    logs = [path for path in (settings().airflow / "logs").rglob("*.log") if path.is_file()]
    assert logs
    told = {path.name for path in logs for secret in (keys.fernet, keys.jwt, keys.api, keys.password)
            if secret in path.read_text(encoding="utf-8", errors="replace")}
    assert told == set()


def test_the_extract_of_a_night_has_everyone_once(nights: Nights) -> None:
    import csv

    with Path(settings().extracts / f"as_of={nights.days[-1]}" / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 500
    assert len({row["subscriber_id"] for row in rows}) == len(rows)
    assert {row["as_of"] for row in rows} == {nights.days[-1].isoformat()}
