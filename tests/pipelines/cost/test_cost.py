"""What a run of a step cost is one line of the home, whatever becomes of the step and of the line."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines import cost
from pipelines.cli.app import app
from pipelines.cost import nights
from pipelines.errors import Held

NIGHT = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    home.mkdir()


@cost.counted("inner", lambda rows: {"rows_out": rows})
def inner(as_of: date, *, model: str = "") -> int:
    cost.add(queries=2)
    sum(range(3_000_000))
    return 7


@cost.counted("light")
def light(as_of: date, *, model: str = "") -> None:
    pass


@cost.counted("outer")
def outer(as_of: date) -> int:
    return inner(as_of, model="churn") + inner(as_of)


@cost.counted("builds")
def builds(as_ofs: list[date]) -> None:
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000)); open('/dev/null', 'w').write('x' * 2_000_000)"],
                   check=True)


@cost.counted("held")
def held(as_of: date) -> None:
    raise Held("toy", ["because"])


def test_a_step_within_a_step_is_told_apart_and_counted_once() -> None:
    assert outer(NIGHT) == 14
    first, second, around = nights.runs()
    assert [first[name] for name in ("step", "model", "as_of", "within", "ended", "rows_out", "queries")] == [
        "inner", "churn", "2026-03-01", "outer", "done", 7, 2]
    assert "model" not in second
    assert around["within"] is None
    assert min(first["cpu_s"], second["cpu_s"]) > 0.005
    assert around["cpu_s"] < min(first["cpu_s"], second["cpu_s"])
    assert first["peak_mb"] > 20
    assert first["modules"] > 100


def test_children_count_and_several_days_are_no_night() -> None:
    builds([NIGHT, date(2026, 3, 2)])
    (run,) = nights.runs()
    assert (run["as_of"], run["as_ofs"]) == (None, 2)
    assert run["cpu_s"] > 0.02
    if sys.platform == "linux":
        assert run["written_bytes"] >= 2_000_000


def test_a_step_that_raises_is_told_by_the_name_of_its_error() -> None:
    with pytest.raises(Held, match="because"):
        held(NIGHT)
    assert [(run["step"], run["ended"]) for run in nights.runs()] == [("held", "Held")]


def test_a_process_tells_what_it_spent_beside_its_steps_and_nothing_without_one() -> None:
    with cost.process():
        pass
    assert nights.runs() == []
    with cost.process():
        sum(range(3_000_000))
        inner(NIGHT, model="ltv")
    step, around = nights.runs()
    assert (step["within"], around["step"], around["as_of"], around["steps"]) == (
        None, cost.PROCESS, "2026-03-01", ["inner ltv"])
    assert 0.005 < around["cpu_s"] < 2  # since the process above, not since this test run began


def test_a_figure_that_cannot_be_written_ends_no_night(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (home / "logs").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        assert inner(NIGHT) == 7
    assert "was not recorded" in caplog.text


def test_a_home_that_is_not_there_is_not_made(home: Path) -> None:
    home.rmdir()
    assert inner(NIGHT) == 7
    assert not home.exists()


def test_writers_at_once_lose_no_line_and_a_cut_line_costs_no_more_than_its_neighbour() -> None:
    writers = []
    for _ in range(4):
        if not (pid := os.fork()):
            for _ in range(50):
                light(NIGHT, model="x" * 500)
            os._exit(0)
        writers.append(pid)
    assert [os.waitpid(one, 0)[1] for one in writers] == [0] * 4
    assert len(nights.runs()) == 200
    (path,) = cost.folder().glob("*.jsonl")
    with path.open("a") as handle:
        handle.write('{"step": "cut')
    light(NIGHT)
    light(NIGHT)
    assert len(nights.runs()) == 201


def planted(home: Path, as_of: str, cpu_s: float, *, subscribers: int = 2000, without: str = "") -> None:
    """A night of runs, its roster, and 1 MB of features."""
    lines = [{"step": step, "as_of": as_of, "within": None, "ended": "done", "wall_s": 2 * cpu_s, "cpu_s": cpu_s,
              "peak_mb": 500.0, "peak_is_bound": False, "read_bytes": 10**6, "written_bytes": 10**6, "modules": 900}
             for step in nights.ESSENTIAL if step != without]
    again = [{**lines[0], "cpu_s": 99.0}, {**lines[0], "within": "build_history"}, {**lines[0], "ended": "Held"}]
    cost.folder().mkdir(parents=True, exist_ok=True)
    with (cost.folder() / "2026-03.jsonl").open("a") as handle:
        handle.writelines(json.dumps(line) + "\n" for line in [again[2], *lines, *again])
    roster = home / "features" / "roster"
    (roster / f"as_of={as_of}").mkdir(parents=True)
    (roster / f"as_of={as_of}" / "data.parquet").write_bytes(b"x" * 10**6)
    with (roster / "manifest.jsonl").open("a") as handle:
        for state in ("prepared", "committed"):
            handle.write(json.dumps({"key": {"as_of": as_of}, "rows": subscribers, "state": state}) + "\n")


def asked(*words: str) -> Any:
    found = CliRunner().invoke(app, ["status", "--cost", *words])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_status_tells_the_median_night_and_scales_it_to_a_million(home: Path) -> None:
    for day, cpu_s in (("2026-03-01", 1.0), ("2026-03-02", 4.0), ("2026-03-03", 2.0)):
        planted(home, day, cpu_s)
    planted(home, "2026-03-04", 50.0, without="monitor")
    found = json.loads(asked("--json"))
    assert found["nights"] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert {one["name"]: (one["cpu_s"], one["runs"]) for one in found["stages"]} == dict.fromkeys(
        nights.ESSENTIAL, (2.0, 1))
    assert (found["cpu_s"], found["cpu_s_per_million"], found["gb_per_million"]) == (12.0, 6000.0, 0.5)
    text = asked()
    assert "median of 3 nights to 2026-03-03, 2,000 subscribers" in text
    assert "6,000 (12.0 for 2,000)" in text
    assert "No figure for a million" in text


def test_status_says_what_is_missing_where_nothing_or_no_whole_night_is_recorded(home: Path) -> None:
    assert "no run of a night is recorded below" in asked()
    assert json.loads(asked("--json"))["nights"] == []
    planted(home, "2026-03-04", 1.0, without="monitor")
    assert "of the newest, 2026-03-04, missing: monitor" in asked()
