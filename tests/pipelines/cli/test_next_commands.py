"""On an empty home every command that cannot work ends with exit code 2 or 3 and names a next command that parses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main

from pipelines import errors
from pipelines.cli import run, told
from pipelines.cli.app import app
from pipelines.errors import TelcoError
from pipelines.settings import settings

SUBSCRIBER = "sub_" + "0" * 32
DAY = "2026-03-01"
# One or more calls of every command that needs something a home without data has not got.
CALLS = {
    "import": ["other FILE --as-of DAY", "ibm-telco FILE --as-of DAY", "ibm-telco none --as-of DAY"],
    "simulate": ["--scenario nothing"],
    "land": ["--as-of DAY", "--as-of DAY --source nothing", "--as-of DAY --absent care.interactions", "--as-of May"],
    "unify": ["--as-of DAY"],
    "materialize": ["--as-of DAY"],
    "bootstrap": ["--from DAY --to 2025-01-01"],
    "quarantine list": ["--feed nothing"],
    "quarantine show": ["nothing DAY"],
    "quarantine replay": ["care.complaints DAY --on DAY"],
    "quarantine discard": ["nothing DAY --because x"],
    "train": ["churn --as-of DAY", "nothing --as-of DAY"],
    "backtest": ["churn --as-of DAY"],
    "tune": ["churn --as-of DAY"],
    "score": ["nothing --as-of DAY"],
    "monitor": ["nothing --as-of DAY"],
    "night": ["--as-of DAY"],
    "models delete": ["churn --version 1"],
    "models export": ["churn 1 --to out.zip"],
    "models restore": ["churn 1"],
    "gate show": ["churn 1"],
    "promote": ["churn --version 1 --as-of DAY"],
    "rollback": ["churn", "churn --to 2"],
    "lookup": ["SUBSCRIBER", "me"],
    "extract": ["--as-of DAY"],
    "explain": ["SUBSCRIBER --as-of DAY", "me --as-of DAY", "SUBSCRIBER --as-of DAY --lineage"],
    "audit trained-by": ["churn:1", "churn"],
    "audit models-of": ["4912345"],
    "privacy erase": ["--subscriber SUBSCRIBER --as-of DAY", "--as-of DAY", "--msisdn 491234567890 --as-of DAY",
                      "--subscription 1 --operator alpha --as-of DAY"],
    "privacy rotate-key": ["nothing"],
    "backup": ["out.tar --without nothing"],
    "restore": ["FILE"],
}
# These find nothing damaged or missing, or say so and end well; `models import` calls an archive that is none damaged.
WORKING = {"status", "doctor", "demo", "up", "down", "site", "config show", "models", "models import", "register",
           "audit verify", "audit log", "privacy status", "privacy tombstones", "privacy purge", "quarantine purge",
           "mltestscore"}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    below = getattr(command, "commands", {})
    if path and (not below or command.invoke_without_command):
        yield " ".join(path)
    for name, one in below.items():
        yield from leaves(one, (*path, name))


def parses(words: list[str]) -> bool:
    """Whether the words, or their beginning where a sentence goes on, are a command with all it needs."""
    return any(_whole(words[:end]) for end in range(len(words), 0, -1))


def _whole(words: list[str]) -> bool:
    called: Any = typer.main.get_command(app)
    rest = list(words)
    while (below := getattr(called, "commands", None)) and rest and rest[0] in below:
        called, rest = below[rest.pop(0)], rest
    if rest == ["--help"]:
        return True
    if called.name == "telco" or (getattr(called, "commands", None) and not called.invoke_without_command):
        return False
    try:
        called.make_context("telco", rest)
    except (click.ClickException, Exception):
        return False
    return True


def named(text: str) -> list[list[str]]:
    """Every `telco ...` of a message, up to where punctuation or a quotation mark ends it."""
    joined = re.sub(r"\s*[│╭╰─╮╯]+\s*", " ", re.sub(r"^\s*Usage: .*$", "", text, flags=re.MULTILINE))
    found = re.findall(r"(?:(?<=[ '\n:(])|^)telco ((?:--help|[a-z][a-z-]*)(?: [^\s;,()']+)*)", joined)
    return [re.sub(r"\b(DAY|WHY)\b", DAY, one).rstrip(".:").split() for one in found]


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").touch()
    return tmp_path


def test_every_command_is_tried_or_works_on_an_empty_home() -> None:
    assert {*CALLS, *WORKING} == set(leaves(typer.main.get_command(app)))


def test_what_cannot_work_on_an_empty_home_says_what_to_type_next(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    for command, calls in CALLS.items():
        for call in calls:
            words = f"{command} {call}".replace("DAY", DAY).replace("SUBSCRIBER", SUBSCRIBER).split()
            settings.cache_clear()
            code = run(words)
            said = capsys.readouterr().err
            nexts = named(said)
            if code not in (2, 3) or not nexts or not all(map(parses, nexts)) or "Traceback" in said:
                wrong.append((" ".join(words), code, nexts, said[-400:]))
    assert wrong == [], "\n".join(map(str, wrong))


def test_every_kind_of_error_ends_with_a_command() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TelcoError)]
    assert len(kinds) >= 10
    for kind in kinds:
        error = kind("x", ["y"]) if issubclass(kind, errors.Held) else kind("x")
        (words,) = named(told(error, ["quarantine", "show", "care.complaints"]))
        assert parses(words), kind


def test_a_long_list_of_reasons_is_cut_and_counted() -> None:
    held = errors.Held("landing", [f"day {number}" for number in range(1800)], "telco status")
    assert len(str(held).splitlines()) == errors.Held.MOST + 3
    assert "and 1,770 more" in str(held)
    assert len(held.reasons) == 1800
