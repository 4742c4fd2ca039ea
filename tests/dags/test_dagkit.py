"""How a task gets its date and how it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from pipelines.clock import DAY
from pipelines.errors import (
    Busy,
    Held,
    IntegrityError,
    MissingHistory,
    NoChampion,
    NotEnoughData,
    PublishedChanged,
    RegistryAway,
    RejectedFile,
    StorageFault,
    TelcoError,
    UsageError,
)

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
    with pytest.raises(UsageError, match=r"no partition key.*Trigger it with a key") as told:
        kit.as_of(run(None))
    assert verdict_on(told.value) == "fail"


@pytest.mark.parametrize("key", ["2026-02-30", "2026-3-2", "2026-03-02T00:00:00", "tomorrow", "2026-03-02' or 1=1",
                                 "{{ ds }}", "../2026-03-02", "２０２６-03-02"])
def test_a_key_that_is_no_day_fails_for_good(kit: Any, key: str) -> None:
    with pytest.raises(UsageError, match="not a day"):
        kit.as_of(run(key))


def test_no_champion_is_a_skip_with_its_reason(kit: Any) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match="nobody is in force"), kit.outcomes(run("2026-03-02")):
        raise NoChampion("nobody is in force")


@pytest.mark.parametrize("error", [
    Held("gate", ["auc 0.5 < 0.6"]), RejectedFile("drop", ["sha256"]), UsageError("no"), OSError("disk"),
    RegistryAway("mlflow"),
])
def test_an_error_goes_through_as_it_is_for_the_policy_to_judge_and_its_words_are_kept(
    kit: Any, error: Exception, said: list[tuple[str, bool]]
) -> None:
    with pytest.raises(type(error)) as told, kit.outcomes(run("2026-03-02")):
        raise error
    assert told.value is error
    # The words of an error that is not ours may hold data; who reads the note may not be who reads the log.
    assert said == [("OSError: see the log" if isinstance(error, OSError) else str(error), False)]


# One line per kind of error: what happens to it, and after how many seconds the next try begins.
KINDS = [
    (Held("gate", ["auc 0.5 < 0.6"]), "fail", None), (RejectedFile("drop", ["sha256"]), "fail", None),
    (NotEnoughData("churn", ["90 days"]), "fail", None), (PublishedChanged("features", ["other bytes"]), "fail", None),
    (HOLES, "fail", None), (UsageError("no such day"), "fail", None), (IntegrityError("sha256"), "fail", None),
    (TypeError("a defect"), "fail", None), (ImportError("a defect"), "fail", None),
    (Busy("held by process 7"), "retry", 60), (RegistryAway("no answer"), "retry", 120),
    (StorageFault("disk full"), "retry", 300), (MemoryError(), "retry", 300),
    (TelcoError("dbt broke"), "default", None), (OSError("connection reset"), "default", None),
    (ValueError("a row"), "default", None),
]


@pytest.mark.parametrize(("error", "action", "seconds"), KINDS, ids=lambda value: type(value).__name__)
def test_retries_go_by_the_kind_of_error(kit: Any, error: Exception, action: str, seconds: int | None) -> None:
    from dagkit.retries import POLICY, RETRIES

    decision = POLICY.evaluate(error, 1, RETRIES)
    assert decision.action.value == action
    assert decision.retry_delay == (None if seconds is None else timedelta(seconds=seconds))
    assert decision.reason or action == "default"


def test_every_error_of_ours_is_in_the_table_of_kinds(kit: Any) -> None:
    from pipelines import errors

    ours = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TelcoError)}
    assert len(ours) >= 10
    tried = {type(error) for error, _, _ in KINDS}
    assert ours - tried <= {NoChampion}  # which is a skip


def verdict_on(error: Exception) -> str:
    from dagkit.retries import POLICY

    return str(POLICY.evaluate(error, 1, 3).action.value)


@pytest.fixture
def said(kit: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """What tasks say of their end."""
    lines: list[tuple[str, bool]] = []
    monkeypatch.setattr(kit, "say", lambda why, told=False: lines.append((why, told)))
    return lines


def test_a_task_that_takes_too_long_says_so_and_may_be_tried_again(kit: Any, said: list[tuple[str, bool]]) -> None:
    from airflow.sdk.exceptions import AirflowTaskTimeout

    with pytest.raises(AirflowTaskTimeout) as told, kit.outcomes(run("2026-03-02")):
        raise AirflowTaskTimeout("7200 s")
    assert said == [("stopped: it took longer than a task of its kind may", False)]
    assert verdict_on(told.value) == "default"  # type: ignore[arg-type]


def test_a_hold_that_somebody_has_heard_of_is_marked_so(kit: Any, said: list[tuple[str, bool]]) -> None:
    for is_told in (True, False):
        with pytest.raises(Held), kit.outcomes(run("2026-03-02"), is_told=lambda held, told=is_told: told):
            raise Held("landing", ["late"])
    assert [told for _, told in said] == [True, False]


def test_missing_history_gives_the_worker_back_while_it_may_still_come(kit: Any) -> None:
    from airflow.sdk.exceptions import AirflowRescheduleException

    with (time_machine.travel(START + timedelta(minutes=8), tick=False),
          pytest.raises(AirflowRescheduleException) as told,
          kit.outcomes(run("2026-03-02"), patience=timedelta(hours=1))):
        raise HOLES
    assert told.value.reschedule_date == START + timedelta(minutes=10)


def test_missing_history_holds_with_its_dates_when_patience_is_over(kit: Any) -> None:
    with (time_machine.travel(START + timedelta(hours=1), tick=False),
          pytest.raises(MissingHistory, match="2026-02-27"),
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
