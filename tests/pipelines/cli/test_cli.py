"""The command line teaches, and its exit codes mean what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app

COMMANDS = ("import", "simulate", "land", "unify", "materialize", "bootstrap", "train", "score", "monitor", "night",
            "status", "doctor", "demo", "up", "down", "lookup", "explain")


def telco(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", "from pipelines.cli import main; main()", *words],
                          capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command() -> None:
    text = CliRunner().invoke(app, ["--help"]).output
    assert [name for name in COMMANDS if name not in text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_help_pays_for_no_heavy_import() -> None:
    code = ("import sys; from pipelines.cli.app import app\n"
            "heavy = {'pandas','numpy','duckdb','feast','mlflow','evidently','great_expectations','xgboost',"
            "'airflow','pyarrow','sklearn','pydantic'} & set(sys.modules); assert not heavy, heavy")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_bad_day_is_a_usage_error_that_shows_the_form(home: Path) -> None:
    done = telco("land", "--as-of", "01/02/2026")
    assert done.returncode == 2
    assert "YYYY-MM-DD" in done.stderr


def test_an_unknown_model_is_a_usage_error_that_lists_the_known_ones(home: Path) -> None:
    done = telco("train", "chrun", "--as-of", "2026-03-01")
    assert done.returncode == 2
    assert "churn, ltv" in done.stderr


def test_a_night_without_its_drops_is_held_and_names_them(home: Path) -> None:
    done = telco("land", "--as-of", "2026-03-01")
    assert done.returncode == 3
    assert "billing_alpha.accounts" in done.stderr
    assert "2026-02-28" in done.stderr
    assert not list((home / "raw").rglob("dt=*"))


def test_an_absence_needs_a_reason(home: Path) -> None:
    done = telco("land", "--as-of", "2026-03-01", "--absent", "care.interactions")
    assert done.returncode == 2
    assert "--because" in done.stderr


def test_the_status_of_an_empty_home_says_how_to_begin(home: Path) -> None:
    done = telco("status", "--json")
    assert done.returncode == 0
    assert "telco demo" in json.loads(done.stdout)["next_step"]


def test_the_doctor_finds_a_broken_estate_and_says_where(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(parents=True)
    (home / "estate.toml").write_text("name = 3")
    done = telco("doctor")
    assert done.returncode == 1
    assert "estate" in done.stderr
