"""`telco mltestscore` prints what the markers say: no test is overlooked, and no point has nothing behind it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]


def telco(*words: str) -> str:
    done = CliRunner().invoke(app, ["mltestscore", *words])
    assert done.exit_code == 0, done.exception
    return done.output


def test_every_marker_counts_and_the_score_is_the_least_section() -> None:
    told = json.loads(telco("--json"))
    written = sum(len(re.findall(r"^ *@pytest\.mark\.mlts\(", path.read_text(encoding="utf-8"), re.MULTILINE))
                  for path in (ROOT / "tests").rglob("*.py"))
    assert written == sum(map(len, told["tests"].values())) >= 60
    assert {item: value for item, value in told["points"].items() if told["tests"].get(item)} == dict.fromkeys(
        told["tests"], 1.0)
    assert sorted(told["points"]) == sorted(f"{letter}{number}" for letter in "DMIO" for number in range(1, 8))
    assert told["score"] == min(told["sections"].values())
    assert f"ML Test Score: {told['score']:g} (the least of four sections" in telco()


def test_the_page_names_every_test_and_half_a_point_has_a_page_behind_it() -> None:
    text, told = telco("--page"), json.loads(telco("--json"))
    assert [test for tests in told["tests"].values() for test in tests if f"`{test}`" not in text] == []
    by_hand = re.findall(r"\| 0\.5 \| by hand: .+ \(`(.+)`\) \|", text)
    assert len(by_hand) == sum(value == 0.5 for value in told["points"].values())
    assert [page for page in by_hand if not (ROOT / page).exists()] == []
    assert f"**The score is {told['score']:g}**" in text


def test_without_the_tests_it_says_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.settings.PROJECT", tmp_path)
    error = CliRunner().invoke(app, ["mltestscore"]).exception
    assert isinstance(error, UsageError)
    assert "Get a checkout" in str(error)
