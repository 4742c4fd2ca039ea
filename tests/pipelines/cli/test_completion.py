"""The tab key: bash and zsh are asked by their own protocols, and what is offered comes from this home's file names."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.settings import settings


def bash(line: str) -> list[str]:
    words = line.split(" ")
    return _asked({"_TELCO_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)})


def zsh(line: str) -> list[str]:
    return _asked({"_TELCO_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line})


def _asked(env: dict[str, str]) -> list[str]:
    done = CliRunner().invoke(app, [], prog_name="telco", env=env)
    assert done.exit_code in (0, 1), done.exception
    assert not done.stderr
    return done.output.split()


@pytest.fixture
def filled(home: Path) -> Path:
    for place in ("features/roster/as_of=2026-03-01", "features/roster/as_of=2026-03-02",
                  "scores/churn/as_of=2026-03-02",
                  "models/churn/v1", "models/churn/v12", "models/ltv/v3", "quarantine/care/complaints/dt=2026-02-27"):
        (home / place).mkdir(parents=True)
    return home


def test_bash_is_offered_commands_models_days_versions_feeds_and_scenarios(filled: Path) -> None:
    assert bash("telco qu") == ["quarantine"]
    assert bash("telco train ") == ["churn", "ltv", "upgrade"]
    assert bash("telco train ch") == ["churn"]
    assert bash("telco train churn --as-of ") == ["2026-03-02", "2026-03-01"]
    assert bash("telco night --as-of 2026-03-01") == ["2026-03-01"]
    assert bash("telco gate show churn ") == ["12", "1"]
    assert bash("telco rollback ltv --to ") == ["3"]
    assert bash("telco audit trained-by churn") == ["churn:12", "churn:1"]
    assert "care.complaints" in bash("telco quarantine show care.")
    assert bash("telco quarantine show care.complaints ") == ["2026-02-27"]
    assert bash("telco simulate --scenario pr") == ["price_rise"]


def test_zsh_is_offered_the_same(filled: Path) -> None:
    said = " ".join(zsh("telco train churn --as-of "))
    assert said.index("2026-03-02") < said.index("2026-03-01")
    assert "churn" in " ".join(zsh("telco train ch"))


def test_a_home_that_is_empty_or_broken_offers_nothing_and_says_nothing(home: Path) -> None:
    assert bash("telco train churn --as-of ") == []
    home.mkdir()
    (home / "estate.toml").write_text("name = 3", encoding="utf-8")
    settings.cache_clear()
    assert bash("telco quarantine show ") == []
    (home / ".restoring").touch()
    settings.cache_clear()
    assert bash("telco quarantine show ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_of_each_shell_is_shown(shell: str) -> None:
    done = CliRunner().invoke(app, [], prog_name="telco", env={"_TELCO_COMPLETE": f"source_{shell}"})
    assert "_TELCO_COMPLETE=complete_" + shell in done.output
    assert ("compdef" if shell == "zsh" else "complete -o default") in done.output
