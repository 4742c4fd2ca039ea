"""How a task gets its date and how it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from pipelines.clock import DAY
from pipelines.errors import Held, MissingHistory, NoChampion, RejectedFile, UsageError

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
HOLES = MissingHistory("unify 2026-03-02", ["network.usage_daily: no drop for 2026-02-27"], "telco land")


@pytest.fixture
def kit(bag: Any) -> Any:
    from dagkit import defaults

    return defaults


def run(key: object = None, **conf: object) -> SimpleNamespace:
    return SimpleNamespace(partition_key=key, conf=conf, start_date=START)


def test_the_partition_key_is_the_as_of(kit: Any) -> None:
    assert kit.as_of(run("2026-03-02")) == date(2026, 3, 2)


def test_conf_serves_dag_test_which_cannot_set_a_key(kit: Any) -> None:
    assert kit.as_of(run(None, as_of="2026-03-02")) == date(2026, 3, 2)


def test_a_run_without_a_key_fails_for_good_and_says_how_to_trigger_one(kit: Any) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"no partition key.*Trigger it with a key"):
        kit.as_of(run(None))


@pytest.mark.parametrize("key", ["2026-02-30", "2026-3-2", "2026-03-02T00:00:00", "tomorrow", "2026-03-02' or 1=1",
                                 "{{ ds }}", "../2026-03-02", "２０２６-03-02"])
def test_a_key_that_is_no_day_fails_for_good(kit: Any, key: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="not a day"):
        kit.as_of(run(key))


def test_no_champion_is_a_skip_with_its_reason(kit: Any) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match="nobody is in force"), kit.outcomes(run("2026-03-02")):
        raise NoChampion("nobody is in force")


@pytest.mark.parametrize("error", [Held("gate", ["auc 0.5 < 0.6"]), RejectedFile("drop", ["sha256"]), UsageError("no")])
def test_a_hold_fails_at_once_and_keeps_its_words(kit: Any, error: Exception) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException) as told, kit.outcomes(run("2026-03-02")):
        raise error
    assert str(told.value) == str(error)


def test_a_fault_goes_through_to_airflows_retries(kit: Any) -> None:
    with pytest.raises(OSError, match="disk"), kit.outcomes(run("2026-03-02")):
        raise OSError("disk")
    assert kit.DEFAULT_ARGS["retries"] >= 1


def test_missing_history_gives_the_worker_back_while_it_may_still_come(kit: Any) -> None:
    from airflow.sdk.exceptions import AirflowRescheduleException

    with (time_machine.travel(START + timedelta(minutes=8), tick=False),
          pytest.raises(AirflowRescheduleException) as told,
          kit.outcomes(run("2026-03-02"), patience=timedelta(hours=1))):
        raise HOLES
    assert told.value.reschedule_date == START + timedelta(minutes=10)


def test_missing_history_holds_with_its_dates_when_patience_is_over(kit: Any) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with (time_machine.travel(START + timedelta(hours=1), tick=False),
          pytest.raises(AirflowFailException, match="2026-02-27"),
          kit.outcomes(run("2026-03-02"), patience=timedelta(hours=1))):
        raise HOLES


def test_F01_drops_are_waited_for_until_their_deadline_and_then_left_to_the_door(
    kit: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowRescheduleException

    monkeypatch.setenv("TELCO_ESTATE", str(Path(__file__).resolve().parents[2] / "estate.toml"))
    due = START + timedelta(hours=5)  # 06:00 in Berlin
    with (time_machine.travel(due - timedelta(minutes=5), tick=False),
          pytest.raises(AirflowRescheduleException) as told):
        kit.wait_for_drops(date(2026, 3, 2), "care", run("2026-03-02"))
    assert told.value.reschedule_date == due  # never later than the deadline
    with time_machine.travel(due, tick=False):
        kit.wait_for_drops(date(2026, 3, 2), "care", run("2026-03-02"))


def test_nothing_is_expected_beyond_the_history_of_the_estate(kit: Any, home: Path) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from pipelines.settings import PROJECT, settings

    home.mkdir(parents=True)
    text = (PROJECT / "estate.toml").read_text().replace("# history_end = 2026-09-30", "history_end = 2026-09-30")
    (home / "estate.toml").write_text(text)
    settings.cache_clear()
    kit.expect_drops(date(2026, 9, 30))
    for day in (date(2026, 9, 30) + DAY, date(2025, 11, 1)):
        with pytest.raises(AirflowSkipException, match=f"nothing is expected from {day - DAY}"):
            kit.expect_drops(day)
