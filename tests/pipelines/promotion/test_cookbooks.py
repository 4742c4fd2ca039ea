"""The cookbooks `read a refusal` and `roll back` as typed: their commands, in their order, say what the pages show."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import champions, cli
from pipelines.settings import PROJECT

T = date(2026, 6, 1)
BOOKS = PROJECT / "docs" / "cookbooks"


def cookbook() -> Any:
    """`tests/docs/cookbook.py`, which reads a page's blocks."""
    spec = importlib.util.spec_from_file_location("telco_cookbook", PROJECT / "tests/docs/cookbook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def do(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> int:
    """Run every command of a page in this process, compare what it shows; returns how many."""
    reader, said, count = cookbook(), "", 0
    for block in reader.blocks(page):
        if block.language == "sh":
            for line in block.text.splitlines():
                monkeypatch.setattr(sys, "argv", shlex.split(line))
                with pytest.raises(SystemExit, match=r"^0$"):
                    cli.main()
                count += 1
            said = "".join(capsys.readouterr())
        elif block.language == "" and said:
            assert not reader.not_printed(block.text, said), said
    return count


def test_read_a_refusal(world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world.begun()
    for number in (7, 8):
        world.shadowed("churn", T + timedelta(days=number))
    world.version("churn", T + timedelta(days=8), passed=False)
    assert do(BOOKS / "read_a_refusal.md", monkeypatch, capsys) == 3


def test_roll_back(world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world.begun()
    for number in (7, 8, 9):
        world.shadowed("churn", T + timedelta(days=number))
    world.advance()
    world.scored("churn", T + timedelta(days=10), 2)
    assert champions.in_force("churn", T + timedelta(days=10)).version == 2  # type: ignore[union-attr]
    assert do(BOOKS / "roll_back.md", monkeypatch, capsys) == 2
    assert champions.in_force("churn", T + timedelta(days=11)).version == 1  # type: ignore[union-attr]
