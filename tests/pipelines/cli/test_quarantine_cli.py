"""`telco quarantine`: tells what waits and why, lets it in, and names nobody unless asked."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipelines import landing
from pipelines.cli.app import app
from pipelines.errors import UsageError

USAGE = "network.usage_daily"
COMMANDS = ("list", "show", "replay", "discard", "purge")


@pytest.fixture
def drops() -> ModuleType:
    path = Path(__file__).parents[1] / "landing" / "drops.py"
    spec = importlib.util.spec_from_file_location("telco_drops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def day(home: Path, drops: ModuleType) -> str:
    """A landed day with two rows that wait."""
    drops.estate(USAGE)
    rows = drops.rows(USAGE, 300)
    drops.drop(USAGE, [{**rows[0], "data_kb": -1}, {**rows[1], "voice_seconds": 90_000}, *rows[2:]])
    landing.land(drops.AS_OF)
    return str(drops.DT)


def telco(*words: str) -> Result:
    return CliRunner().invoke(app, ["quarantine", *words])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches(command: str) -> None:
    text = telco(command, "--help").output
    assert "Usage" in text
    assert command == "purge" or "Example" in text


def test_the_list_has_one_line_for_each_set(day: str) -> None:
    text = telco("list").output
    assert all(word in text for word in (USAGE, day, "rows", "waiting", "data_kb is negative"))
    (one,) = json.loads(telco("list", "--json").output)
    assert (one["feed"], one["dt"], one["count"], one["state"]) == (USAGE, day, 2, "waiting")


def test_show_tells_lines_and_reasons_and_no_number(day: str, drops: ModuleType) -> None:
    number = drops.rows(USAGE, 1)[0]["msisdn"].lstrip("+")
    text = telco("show", USAGE, day).output
    assert "data_kb is negative" in text
    assert number not in text
    (one,) = json.loads(telco("show", USAGE, day, "--json").output)
    assert [row["line"] for row in one["rows"]] == [1, 2]
    assert number not in json.dumps(one)
    assert number in telco("show", USAGE, day, "--clear").output


def test_from_show_to_an_edited_copy_to_raw_in_three_commands(day: str, home: Path, drops: ModuleType) -> None:
    copy = home / "rows.jsonl"
    copy.write_text(telco("show", USAGE, day, "--clear").output.replace("-1,", "1,").replace("90000", "90"))
    done = json.loads(telco("replay", USAGE, day, "--on", "2026-03-20", "--file", str(copy), "--json").output)
    assert (done["rescued"], done["waiting"], done["known_on"]) == (2, 0, "2026-03-21")
    assert telco("list").output.strip() == "In quarantine: nothing yet"
    assert json.loads(telco("list", "--all", "--json").output)[0]["state"] == "replayed"
    text = telco("replay", USAGE, day, "--on", "2026-03-20").output
    assert "rows let in" in text
    assert drops.raw(USAGE).num_rows == 298 + 300


def test_giving_up_needs_a_reason(day: str) -> None:
    assert isinstance(telco("discard", USAGE, day, "--because", " ").exception, UsageError)
    assert "2 given up in 1 sets" in telco("discard", USAGE, day, "--because", "test traffic").output
    assert "nothing yet" in telco("list").output


def test_purge_says_what_went(day: str) -> None:
    stores = json.loads(telco("purge", "--as-of", "2026-03-11", "--json").output)
    assert [(store["store"], store["files"]) for store in stores][:2] == [("landing", 0), ("quarantine", 0)]
    assert "older than" in telco("purge", "--as-of", "2026-03-11").output


def test_an_unknown_feed_is_a_usage_error_that_lists_the_known_ones(home: Path) -> None:
    told = telco("show", "network.usage", "2026-03-10").exception
    assert isinstance(told, UsageError)
    assert USAGE in str(told)


def test_a_bad_day_is_a_usage_error(home: Path) -> None:
    assert telco("replay", USAGE, "yesterday", "--on", "2026-03-20").exit_code == 2
