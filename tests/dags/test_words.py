"""A run that failed is told of: once per night and reason, with the words of its tasks and where to look."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines import notices

RUN_ID = "asset_triggered__2026-03-11T00:00:00+00:00"


@pytest.fixture
def words(bag: Any) -> Any:
    from dagkit import words

    return words


def context(
    pushed: dict[tuple[str, str], object] | None, key: str | None = "2026-03-11", failed: str = "ab"
) -> dict[str, Any]:
    """What Airflow gives its callback, of a run with three tasks; no task instance when none is known."""
    states = {f"land_{name}": "failed" if name in failed else "success" for name in "abc"}
    found: dict[str, Any] = {
        "dag": SimpleNamespace(dag_id="land_sources"),
        "run_id": RUN_ID, "dag_run": SimpleNamespace(partition_key=key), "reason": "task_failure",
    }
    if pushed is not None:
        found["ti"] = SimpleNamespace(xcom_pull=lambda task_ids, key: pushed.get((task_ids, key)),
                                      get_task_states=lambda dag_id, run_ids: {RUN_ID: states})
    return found


def told() -> list[dict[str, str]]:
    if not notices.directory().exists():
        return []
    return [json.loads(path.read_text()) for path in sorted(notices.directory().iterdir())]


def test_the_notice_of_a_failed_run_has_the_reasons_of_its_tasks_and_a_link(words: Any, home: Path) -> None:
    for _ in range(2):
        words.failed(context({("land_a", "why"): "held: sha256", ("land_b", "why"): "held: rows"}))
    (notice,) = told()
    assert notice["name"].startswith("failed.land_sources.2026-03-11.")
    lines = notice["text"].splitlines()
    assert lines[:3] == ["land_sources.2026-03-11 failed", "land_a: held: sha256", "land_b: held: rows"]
    assert lines[3].endswith("/dags/land_sources/runs/asset_triggered__2026-03-11T00%3A00%3A00%2B00%3A00")


def test_the_same_night_held_for_another_reason_is_told_of_again(words: Any, home: Path) -> None:
    for why in ("late", "late", "rejected"):
        words.failed(context({("land_a", "why"): why}, failed="a"))
    assert len(told()) == 2


def test_what_was_told_before_is_not_told_again_and_what_was_not_is(words: Any, home: Path) -> None:
    late = {("land_a", "why"): "late", ("land_a", "told"): True}
    words.failed(context(late, failed="a"))
    assert told() == []
    words.failed(context({**late, ("land_b", "why"): "rejected"}))
    (notice,) = told()
    assert "land_b: rejected" in notice["text"]
    assert "land_a" not in notice["text"]


def test_a_task_that_was_killed_beside_one_that_was_told_of_is_told_of(words: Any, home: Path) -> None:
    words.failed(context({("land_a", "why"): "late", ("land_a", "told"): True}))
    (notice,) = told()
    assert "land_b: no reason was left: see the log" in notice["text"]


def nobody_answers(**_: object) -> None:
    raise RuntimeError("the api-server does not answer")


@pytest.mark.parametrize("task_instance", [None, SimpleNamespace(get_task_states=nobody_answers)])
def test_a_run_of_which_nothing_is_known_is_told_of_too(words: Any, home: Path, task_instance: Any) -> None:
    words.failed({**context(None, key=None), "ti": task_instance})
    (notice,) = told()
    assert "no reason was left: see the log" in notice["text"]
    assert "/" not in notice["name"]


def test_outside_a_task_there_is_nowhere_to_say_it(words: Any) -> None:
    words.say("nothing happens")
