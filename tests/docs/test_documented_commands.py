"""Every command a page shows exists and takes the words it is given; every link inside the repository resolves."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import typer.main
from _pytest.mark.structures import ParameterSet

from pipelines.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "DECISIONS.md", *(ROOT / "docs").rglob("*.md")])
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def whole(page: Path) -> list[str]:
    """The command lines of a page's `sh` blocks, comments cut."""
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for block in blocks for text in block.splitlines() if (line := bare(text))]


def mentioned(page: Path) -> list[str]:
    """Commands named inside a sentence: they may leave out what the sentence is not about."""
    text = page.read_text(encoding="utf-8")
    return [bare(line) for line in re.findall(r"`((?:[A-Z]+=\S+ )?(?:telco|make) [a-z][^`\n]*)`", text)]


def bare(line: str) -> str:
    """A line without its prompt, its settings and its comment."""
    return re.sub(r"^(\$ |[A-Z_]+=\S+ )+", "", re.split(r"(?:^|\s)#", line.strip())[0].strip())


def commands(of: Callable[[Path], list[str]]) -> list[ParameterSet]:
    return [pytest.param(command, id=f"{page.name}: {command}") for page in PAGES for command in of(page)
            if command.startswith(("telco", "make"))]


def telco(name: str) -> click.Command:
    found = typer.main.get_command(app).get_command(None, name)  # type: ignore[attr-defined, arg-type]
    assert found is not None, f"no command telco {name}"
    return found


def test_the_pages_show_commands() -> None:
    assert len(commands(whole)) >= 10


@pytest.mark.parametrize("command", commands(whole))
def test_a_documented_command_parses(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(re.sub(r"\b(DAY|D|T)\b", "2026-03-01", command))
    if words[0] == "make":
        assert words[1] in TARGETS
        return
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    for name in ("Telco-Customer-Churn.csv", "var/wa_churn.csv", "FILE", "rows.jsonl", "churn-v1.zip", "before.tar"):
        (tmp_path / name).touch()
    words = words[:words.index(">")] if ">" in words else words
    words = [_stand_in(word, tmp_path) for word in words]
    if words[1:] and "--help" not in words:
        called, rest = telco(words[1]), words[2:]
        while (below := getattr(called, "commands", None)) and rest:  # telco privacy purge
            assert rest[0] in below or called.invoke_without_command, f"no {rest[0]} below {called.name}"  # type: ignore[attr-defined]
            if rest[0] not in below:
                break
            called, rest = below[rest[0]], rest[1:]
        called.make_context(called.name, rest)


def _stand_in(word: str, folder: Path) -> str:
    """A file of the disk with the backups: it must be there to be an argument."""
    if not word.startswith("/backups/"):
        return word
    (folder / Path(word).name).touch()
    return str(folder / Path(word).name)


@pytest.mark.parametrize("command", commands(mentioned))
def test_a_mentioned_command_exists_with_its_options(command: str) -> None:
    words = command.split()
    if words[0] == "make":
        assert words[1] in TARGETS
        return
    called = telco(words[1])
    if (below := getattr(called, "commands", None)) and len(words) > 2:  # telco quarantine list
        assert words[2] in below
        called = below[words[2]]
    known = {option for parameter in called.params for option in parameter.opts} | {"--help"}
    assert not [word for word in words[2:] if word.startswith("--") and word not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_resolve(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


def test_every_figure_of_the_readme_stands_on_the_page_it_links_to_with_the_script_that_makes_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| `(\w+\.py)` \| \[\w+\]\(([^)]+)\) \|$", readme, flags=re.MULTILINE)
    assert len(rows) >= 8
    for measured, script, page in rows:
        text = (ROOT / page).read_text(encoding="utf-8")
        figures = re.findall(r"-?\d(?:[\d.,]*\d)?", measured)
        assert figures
        assert not [one for one in figures if not re.search(rf"(?<![\d.]){re.escape(one)}(?!\d)", text)], page
        assert script in text, f"{page} does not name {script}"
        assert (ROOT / "benchmarks" / script).exists()
