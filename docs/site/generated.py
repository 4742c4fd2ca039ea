"""Pages of the documentation site that the code writes: a mkdocs hook.

Commands from the command line's own help, DAGs from their docstrings, faults and attacks from the tests that carry
their numbers, the ML Test Score's items from the marked tests, the programming interface from docstrings. Nothing of
them is committed, so nothing of them can be out of date. Links that leave docs/ become plain words: the site stands
alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COPIED = {"DECISIONS.md": "explanation/decisions.md", "SECURITY.md": "explanation/security.md",
          "CHANGELOG.md": "reference/changelog.md"}
# Packages whose names others may build on; what begins with an underscore is nobody's business.
INTERFACE = ("models", "publish", "champions", "bundle", "landing", "warehouse", "features", "training", "gate",
             "promotion", "scoring", "reasons", "monitoring", "governance", "explain", "quality", "simulate", "night",
             "settings", "estate", "errors", "clock")


def on_config(config: Any) -> Any:
    """The navigation, by folder in Diataxis' four kinds; a page that no list names is warned of by mkdocs itself."""
    def below(folder: str) -> list[str]:
        return sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs" / folder).glob("*.md"))

    made = [page for page, _ in pages()]
    config["nav"] = [
        {"Start": ["index.md", *below("tutorials")]},
        {"How to": below("cookbooks")},
        {"Privacy": below("privacy")},
        {"Runbooks": below("runbooks")},
        {"Reference": [*sorted({*below("reference"), *(page for page in made if page.startswith("reference/"))})]},
        {"Interface": [page for page in made if page.startswith("interface/")]},
        {"Why": [*below("explanation"), *(page for page in made if page.startswith("explanation/"))]},
    ]
    return config


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for page, text in pages():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A link to a file outside docs/ leads to its copy in the site, or keeps its words and loses its target."""
    here = (ROOT / "docs" / page.file.src_uri).parent

    def kept(found: re.Match[str]) -> str:
        words, target = found.group(1), found.group(2)
        path = target.split("#")[0]
        if "://" in target or not path or (here / path).resolve().is_relative_to(ROOT / "docs"):
            return found.group(0)
        copied = COPIED.get((here / path).resolve().name)
        return f"[{words}]({'../' * page.file.src_uri.count('/')}{copied})" if copied else words

    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", kept, markdown)


@cache
def pages() -> tuple[tuple[str, str], ...]:
    """Every made page: its place below docs/ and its Markdown."""
    return tuple(_pages())


def _pages() -> Iterator[tuple[str, str]]:
    for source, page in COPIED.items():
        yield page, _moved((ROOT / source).read_text(encoding="utf-8"), page)
    yield "reference/cli.md", commands()
    yield "reference/dags.md", dags()
    yield "reference/faults.md", numbered("faults and attacks", ("faults", "security", "live"), r"test_([fs]\d\d)_")
    yield "reference/ml_test_score.md", ml_test_score()
    for name in INTERFACE:
        yield f"interface/{name}.md", f"# pipelines.{name}\n\n{''.join(_interface(name))}"


def _moved(text: str, page: str) -> str:
    """Links of a page of the root, told from where it stands now."""
    up = "../" * page.count("/")
    return re.sub(r"\]\(docs/", f"]({up}", text)


def commands() -> str:
    """The help of every command and of every command below it."""
    import typer.main

    from pipelines.cli.app import app

    parts = ["# The command line\n", "`telco --help`, command by command. Exit codes: 0 ok, 1 fault, 2 usage, "
             "3 held by a gate or a check.\n"]
    for path, command in _walk(typer.main.get_command(app), ("telco",)):
        parts.append(f"## {' '.join(path)}\n\n{_told(command)}")
    return "\n".join(parts)


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if len(path) > 1:
        yield path, command
    for name, below in sorted(getattr(command, "commands", {}).items()):
        if not below.hidden:
            yield from _walk(below, (*path, name))


def _told(command: Any) -> str:
    words = (command.help or "").replace("\b", "").strip()
    rows = []
    for parameter in command.params:
        if parameter.name in {"help", "install_completion", "show_completion"} or getattr(parameter, "hidden", False):
            continue
        names = [*parameter.opts, *parameter.secondary_opts]
        name = ", ".join(f"`{one if one.startswith('-') else one.upper()}`" for one in names)
        rows.append(f"| {name} | {_cell(getattr(parameter, 'help', '') or '')} |")
    table = "\n".join(["| word or option | what |", "|---|---|", *rows]) if rows else ""
    return f"{words}\n\n{table}\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def dags() -> str:
    """The docstring of every DAG file, as Airflow's UI shows it."""
    parts = ["# DAGs\n", "![Which asset of which DAG starts the next](../pictures/flow.svg)\n",
             "Solid arrows are assets, dotted ones files. Below, what the docs tab of each DAG in Airflow shows.\n"]
    for path in sorted((ROOT / "dags").glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        doc = re.sub(r"docs/(runbooks/\w+\.md)", r"[its runbook](../\1)", doc)
        parts.append(f"## {path.stem}\n\n" + re.sub(r"^### (.*)$", r"**\1**\n", doc, flags=re.MULTILINE) + "\n")
    return "\n".join(parts)


def numbered(what: str, folders: tuple[str, ...], pattern: str) -> str:
    """The test files that carry a number, each with its sentence."""
    rows = []
    for path in sorted(path for folder in folders for path in (ROOT / "tests" / folder).glob("test_*.py")):
        if found := re.match(pattern, path.name):
            doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            says = _cell(doc.split("\n\n")[0]).removeprefix(f"{found.group(1).upper()}: ")
            rows.append(f"| {found.group(1).upper()} | {says} | `{path.relative_to(ROOT)}` |")
    return "\n".join([f"# {what.capitalize()}\n", "What may arrive, what happens then, and the test that shows it.\n",
                      "| | what happens | test |", "|---|---|---|", *rows, ""])


def ml_test_score() -> str:
    """The sheet of tests/mltestscore.py, with every test that stands behind an item."""
    import runpy

    score = runpy.run_path(str(ROOT / "tests" / "mltestscore.py"))
    return str(score["page"](score["marked"](ROOT / "tests")))


def _interface(name: str) -> Iterator[str]:
    place = ROOT / "pipelines" / name
    if place.with_suffix(".py").exists():
        yield f"::: pipelines.{name}\n\n"
        return
    for path in sorted(place.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        if not path.stem.startswith("_") or path.stem == "__init__":
            yield f"::: {module}\n\n"
