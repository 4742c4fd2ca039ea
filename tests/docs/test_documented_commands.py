"""Every command a page shows exists and takes the words it is given; every link inside the repository resolves."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from pipelines.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "DECISIONS.md", *(ROOT / "docs").rglob("*.md")])
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def shown(page: Path) -> list[str]:
    """The command lines of a page's `sh` blocks, comments cut, and inline `telco ...` and `make ...`."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, flags=re.DOTALL)
             for line in block.splitlines()]
    lines += re.findall(r"`((?:[A-Z]+=\S+ )?(?:telco|make) [a-z][^`\n]*)`", text)
    cut = [re.sub(r"^(\$ |[A-Z_]+=\S+ )+", "", line.split("  #")[0].split(" # ")[0].strip()) for line in lines]
    return [line for line in cut if line and not line.startswith("#")]


COMMANDS = [pytest.param(command, id=f"{page.name}: {command}") for page in PAGES for command in shown(page)
            if command.startswith(("telco", "make"))]


def test_the_pages_show_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_parses(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(re.sub(r"\b(DAY|D|DATE)\b", "2026-03-01", command).replace("<", "").replace(">", ""))
    if words[0] == "make":
        assert words[1] in TARGETS
        return
    monkeypatch.chdir(tmp_path)
    for name in ("Telco-Customer-Churn.csv", "FILE"):
        (tmp_path / name).touch()
    words = [re.sub(r"^(MODEL)$", "churn", word) for word in words]
    group = typer.main.get_command(app)
    if len(words) == 1:
        return
    name, *rest = words[1:]
    found = group.get_command(None, name)  # type: ignore[attr-defined, arg-type]
    assert found is not None, f"no command telco {name}"
    if rest and rest != ["--help"]:
        found.make_context(name, list(rest))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_resolve(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken
