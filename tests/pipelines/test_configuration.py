"""`telco config show`: every setting with where it came from, and no secret in any form of the answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.configuration import deployment, masked
from pipelines.errors import UsageError
from pipelines.settings import ASLEEP, VARIABLES, Settings, settings

# Every piece that must not be seen bears the word; a password may hold what should have been escaped.
PLANTED = {
    "MLFLOW_TRACKING_URI": "https://ada:geheim/1?geheim#2@geheim3@registry.example:5000/x",
    "TELCO_MLFLOW_DATABASE": "postgresql+psycopg2://mlflow:geheim@db.example/mlflow?sslmode=require&password=geheim",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://geheim@db.example/airflow",
    "TELCO_FEAST_REGISTRY": "postgresql+psycopg://feast:geheim,geheim@db.example/feast?sslmode=geheim geheim",
    "TELCO_FEAST_REDIS": "redis.example:6379,password=geheim,geheim&geheim,db=0,ssl=true",
    "TELCO_NOTIFY_WEBHOOK": "https://hooks.example/services/geheim/geheim?geheim",
    "TELCO_NOTIFY_SMTP": "smtps://ada%40example.com:geheim@mail.example:465",
}


@pytest.fixture
def planted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()


def telco(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.exception
    return done.output


def test_a_planted_secret_is_nowhere_and_the_place_is_still_told(planted: None) -> None:
    told = [telco("config", "show"), telco("config", "show", "--all"), telco("config", "show", "--json"),
            repr(settings()), str(settings())]
    assert [text for text in told if "geheim" in text] == []
    values = {one["name"]: one["value"] for one in json.loads(told[2])["deployment"]}
    assert values["mlflow_uri"] == "https://ada:***@registry.example:5000/x"
    assert values["mlflow_database"] == "postgresql+psycopg2://mlflow:***@db.example/mlflow?sslmode=require&password=***"
    assert values["airflow_database"] == "postgresql://***@db.example/airflow"
    assert values["feast_redis"] == "redis.example:6379,password=***,***&***,db=0,ssl=true"
    assert values["notify_webhook"].startswith("https://hooks.example/***")
    assert values["notify_smtp"] == "smtps://***@mail.example:465"


@pytest.mark.parametrize("address", ["sqlite:////home/ada@work/mlflow.db", "http://registry:5000", "redis:6379", ""])
def test_what_holds_no_secret_is_told_whole(address: str) -> None:
    assert masked(address) == address


def test_every_field_has_its_variable_and_each_says_where_it_came_from(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(VARIABLES) == {field.name for field in fields(Settings)}
    assert {one.source for one in deployment() if one.name != "home"} == {"default"}
    before = settings()
    for field, variable in VARIABLES.items():
        monkeypatch.setenv(variable, "3" if field == "threads" else f"{home}-other")
        settings.cache_clear()
        assert getattr(settings(), field) != getattr(before, field), variable
    assert [one.source for one in deployment()] == [f"environment {variable}" for variable in VARIABLES.values()]


def test_the_estate_is_told_key_by_key_with_what_the_file_leaves_out(home: Path) -> None:
    home.mkdir()
    (home / "estate.toml").write_text(
        'name = "one"\nhistory_start = 2026-01-01\n[operators.alpha]\ncurrency = "EUR"\ntime_zone = "UTC"\n'
        'region = "EU"\nlegal_basis = "contract"\n[feeds."care.complaints"]\noperator = "alpha"\nmandatory = false\n'
        "[cost_rates]\nbase = 250\n", encoding="utf-8")
    settings.cache_clear()
    told = {one["name"]: one for one in json.loads(telco("config", "show", "--json"))["estate"]}
    assert told["feeds.care.complaints.mandatory"] == {
        "name": "feeds.care.complaints.mandatory", "value": "false", "source": str(home / "estate.toml"), "means": ""}
    assert (told["feeds.care.complaints.deadline"]["source"], told["currency"]["source"]) == ("default", "default")
    assert "operator=alpha, mandatory=false" in telco("config", "show")


def test_a_number_of_threads_that_is_none_is_a_usage_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELCO_THREADS", "many")
    settings.cache_clear()
    with pytest.raises(UsageError, match="TELCO_THREADS='many'"):
        settings()


@pytest.mark.parametrize("package", ["training", "scoring", "promotion", "monitoring"])
def test_a_step_says_how_many_threads_before_numpy_counts_them(package: str) -> None:
    code = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numpy':\n"
        f"            print(sorted(set({sorted(ASLEEP)}) & set(os.environ)))\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"import pipelines.{package}, numpy\n"
    )
    clean = {name: value for name, value in os.environ.items() if name not in ASLEEP}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean)
    assert done.stdout.splitlines() == [str(sorted(ASLEEP))]
