"""What plugins/ adds to Airflow: a night's deadline, the note of a run, and pages for whoever is signed in."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines import notices
from pipelines.models import SPECS

MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)


@pytest.fixture
def deadlines(bag: Any) -> Any:
    import telco_deadlines

    return telco_deadlines


@pytest.fixture
def notes(bag: Any) -> Any:
    import telco_notes

    return telco_notes


@pytest.fixture
def reports(bag: Any) -> Any:
    import telco_reports

    return telco_reports


def test_airflow_loads_every_plugin(bag: Any) -> None:
    from airflow import plugins_manager

    plugins, errors = plugins_manager._get_plugins()
    assert errors == {}
    ours = {plugin.name: plugin for plugin in plugins if str(plugin.name).startswith("telco_")}
    assert set(ours) == {"telco_deadlines", "telco_notes", "telco_reports"}
    assert "telco_deadlines.StartOfNight" in plugins_manager.get_deadline_references_plugins()


@pytest.mark.parametrize(("key", "now", "begins"), [
    ("2026-03-11", MIDNIGHT + timedelta(hours=1), MIDNIGHT),
    ("2026-03-11", MIDNIGHT - timedelta(days=1), MIDNIGHT),
    ("2026-03-11", MIDNIGHT + timedelta(hours=8), None),   # begun after its hour
    ("2026-03-11", MIDNIGHT + timedelta(days=90), None),   # a backfill
    (None, MIDNIGHT, None), ("tomorrow", MIDNIGHT, None),
])
def test_a_night_of_today_has_a_deadline_and_a_backfill_none(
    deadlines: Any, key: str | None, now: datetime, begins: datetime | None
) -> None:
    assert deadlines.begin(key, 8.0, now) == begins


def late(dag_id: str, state: str = "running") -> dict[str, Any]:
    run = {"dag_id": dag_id, "dag_run_id": "asset_triggered__1", "partition_key": "2026-03-11", "state": state}
    return {"dag_run": run, "deadline": {"id": "7", "deadline_time": MIDNIGHT + timedelta(hours=8)}}


def test_a_night_that_is_late_is_told_of_once_whichever_of_its_steps_hangs(deadlines: Any, home: Path) -> None:
    first, second = (asyncio.run(deadlines.overdue(context=late(dag))) for dag in ("unify", "score"))
    assert first.startswith("the scores of the night 2026-03-11 were due 2026-03-11 08:00 UTC and are not there: unify")
    assert second == "overdue.night.2026-03-11: told before"
    assert [path.name for path in notices.directory().iterdir()] == ["overdue.night.2026-03-11.json"]


def test_a_run_that_failed_before_the_hour_is_not_told_of_a_second_time(deadlines: Any, home: Path) -> None:
    assert "failed" in asyncio.run(deadlines.overdue(context=late("unify", "failed")))
    assert not notices.directory().exists()


@pytest.mark.parametrize(("answer", "words"), [
    ({"a": "published", "b": "published", "c": "absent"}, "absent 1, published 2"),
    ({"churn": 19872, "ltv": 5}, "churn 19,872, ltv 5"), ({"version": 3, "reused": False}, "version 3, reused no"),
    (True, "yes"), (12345, "12,345"), ("drift", "drift"), (["x", "y"], "x, y"), (None, ""), ([], ""),
])
def test_an_answer_is_put_in_a_few_words(notes: Any, answer: object, words: str) -> None:
    assert notes.worded(answer) == words


def test_a_task_that_failed_or_had_nothing_to_do_says_why(notes: Any) -> None:
    assert notes.line_of("score", "skipped", None, "nobody is in force") == "score: nothing to do: nobody is in force"
    assert notes.line_of("land", "failed", None, "held") == "land: failed: held"
    assert notes.line_of("land", "failed", None, None) == "land: failed: no reason was left: see the log"
    assert notes.line_of("close", "upstream_failed", None, None) == "close: not run"
    assert notes.line_of("close", "success", None, None) == ""


def test_a_run_in_which_nothing_was_to_be_done_says_so(notes: Any) -> None:
    promote = [("end_shadows", "success"), ("approve_churn", "skipped"), ("settle_churn", "skipped")]
    assert notes.lines_of(promote, {("end_shadows", "return_value"): []}) == ["nothing to do"]
    told = {("end_shadows", "return_value"): ["approve_churn"]}
    assert notes.lines_of(promote, told) == ["end_shadows: approve_churn"]
    assert notes.lines_of([("close", "success")], {}) == []


def ran(**facts: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"dag_id": "unify", "run_id": "1", "dag_run_note": None, "note": None,
                              "run_type": "manual", "triggering_user_name": None, "consumed_asset_events": [],
                              **facts})


def test_a_retrain_says_why_it_was_started(notes: Any) -> None:
    drift = SimpleNamespace(asset=SimpleNamespace(name="drift_churn"), extra={"reasons": ["psi 0.4 > 0.2", "ks"]})
    due = SimpleNamespace(asset=SimpleNamespace(name="retrain_due_churn"), extra={"reason": "weekly"})
    plain = SimpleNamespace(asset=SimpleNamespace(name="scores"), extra={})
    run = ran(run_type="asset_triggered", consumed_asset_events=[drift, due, plain])
    assert notes.started(run) == ["started by drift_churn: psi 0.4 > 0.2; ks", "started by retrain_due_churn: weekly"]
    assert notes.started(ran(triggering_user_name="admin")) == ["started by hand (manual) by admin"]
    assert notes.started(ran(run_type="scheduled")) == []


def test_a_persons_note_stands_and_ours_is_written_anew(notes: Any) -> None:
    theirs, ours = (SimpleNamespace(user_id=who, content="before") for who in ("7", None))
    for note in (theirs, ours):
        notes.write(ran(dag_run_note=note), ["now"])
    assert (theirs.content, ours.content) == ("before", "now")
    run = ran()
    notes.write(run, ["x" * 3000])
    assert len(run.note) <= notes.LONGEST


def test_a_note_that_cannot_be_written_does_not_stop_the_scheduler(
    notes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    notes.write(SimpleNamespace(dag_id="unify", run_id="1"), ["now"])
    assert "no note for unify 1" in caplog.text


@pytest.fixture
def pages(home: Path) -> Path:
    """Reports of every kind, and what must not be seen: secrets, an extract, a proof, a link out of the folder."""
    for path, text in {
        "reports/drift/churn/as_of=2026-03-11/report.html": "drift", "reports/landing/index.html": "landing",
        "reports/erasure/r1/proof.html": "who", "reports/notices/late.json": "{}", "secrets/airflow.json": "key",
        "extracts/as_of=2026-03-11/scores.csv": "people", "reports/drift/churn/sample.parquet": "rows",
    }.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    (home / "reports" / "landing" / "out.html").symlink_to(home / "secrets" / "airflow.json")
    (home / "reports" / "drift" / "erasure").symlink_to(home / "reports" / "erasure")
    return home


@pytest.mark.parametrize(("url", "text"), [
    ("drift/churn/as_of=2026-03-11/report.html", "drift"), ("landing/index.html", "landing"), ("landing", "landing"),
    ("landing/", "landing"),
])
def test_reports_are_shown(reports: Any, pages: Path, url: str, text: str) -> None:
    assert reports.report_file(url).read_text() == text


@pytest.mark.parametrize("url", [
    "", "/", "..", "../secrets/airflow.json", "landing/../../secrets/airflow.json", "landing/../erasure/r1/proof.html",
    "/etc/passwd", "landing//etc/passwd", "erasure/r1/proof.html", "notices/late.json", "drift/churn/sample.parquet",
    "landing/out.html", "drift/erasure/r1/proof.html", "extracts/as_of=2026-03-11/scores.csv", "landing/x\0.html",
    "landing\\..\\..\\secrets\\airflow.json", "landing/none.html", "Landing/index.html",
])
def test_nothing_else_is(reports: Any, pages: Path, url: str) -> None:
    assert reports.report_file(url) is None


def test_the_card_is_that_of_the_newest_version_of_the_day(reports: Any, home: Path) -> None:
    model = next(iter(SPECS))
    for version, day in ((2, "2026-03-02"), (9, "2026-03-09"), (10, "2026-03-09")):
        folder = home / "models" / model / f"v{version}"
        folder.mkdir(parents=True)
        (folder / "bundle.json").write_text(json.dumps({"trained_as_of": day}))
        (folder / "card.html").write_text(f"v{version}")
    assert reports.card_file(model, "2026-03-09").read_text() == "v10"
    assert reports.card_file(model, "2026-03-02").read_text() == "v2"
    for wrong, day in ((model, "2026-03-01"), ("../models", "2026-03-09"), ("nobody", "2026-03-09")):
        assert reports.card_file(wrong, day) is None


def test_a_page_runs_its_scripts_as_nobody_and_without_the_network(reports: Any) -> None:
    policy = reports.HEADERS["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-same-origin" not in policy  # else a report's script had the reader's session
    assert "default-src 'none'" in policy


def test_a_note_that_is_too_long_keeps_the_beginning_of_every_line(notes: Any) -> None:
    lines = [f"land_{number}: failed: {'a long reason ' * 20}" for number in range(6)] + ["close: not run"]
    told = notes.fitted(lines)
    assert len(told) <= notes.LONGEST
    assert [line.split(":")[0] for line in told.split("\n")] == [line.split(":")[0] for line in lines]
    assert told.endswith("close: not run")
    assert len(told) > 0.9 * notes.LONGEST
    assert notes.fitted(lines[-1:]) == "close: not run"
