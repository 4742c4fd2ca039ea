"""What a privacy officer types, and what is said; a person is named in one way, and in no output."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.errors import UsageError

DAY = ("--as-of", "2026-03-11")


def telco(*words: str) -> Any:
    return CliRunner().invoke(app, ["privacy", *words])


def test_look_erase_and_read_the_proof(house: Any) -> None:
    who = ("erase", "--msisdn", "+49 151 00000003", *DAY)
    looked = json.loads(telco(*who, "--dry-run", "--json").stdout)
    assert looked[0]["dry_run"] is True
    assert house.line() in house.text("raw")
    done = telco(*who)
    assert done.exit_code == 0, done.output
    assert "searched" in done.output
    assert "0 still hold something of them" in done.output
    assert "models to retrain: none" in done.output
    assert not [word for word in ("4915100000003", "S0000003", house.line()) if word in done.output]
    assert house.line() not in house.text("raw")
    assert "nobody has this number" in str(telco(*who).exception)
    assert "erased already" in telco("erase", "--subscriber", f"sub_{house.line()}", *DAY).output
    status = json.loads(telco("status", *DAY, "--json").stdout)
    assert (status["erased subscribers"], status["unfinished"]) == (1, [])
    assert len(status["open requests"]) == 2


@pytest.mark.parametrize(("words", "why"), [
    ((), "exactly one way"), (("--msisdn", "491", "--requests"), "exactly one way"),
    (("--subscription", "S0000003"), "--operator"), (("--resume", "--dry-run"), "--dry-run"),
])
def test_who_is_meant_is_said_in_exactly_one_way(house: Any, words: tuple[str, ...], why: str) -> None:
    said = telco("erase", *words, *DAY)
    assert said.exit_code == 2
    assert why in said.output


def test_an_unknown_operator_is_named_and_nobody_else(house: Any) -> None:
    said = telco("erase", "--subscription", "S0000003", "--operator", "charlie", *DAY)
    assert isinstance(said.exception, UsageError)
    assert "alpha, bravo" in str(said.exception)


def test_purge_is_told_by_class(house: Any) -> None:
    said = json.loads(telco("purge", *DAY, "--json").stdout)
    assert [one["store"] for one in said] == ["landing", "quarantine", "reports", "logs"]
