"""Every DAG, every kind of error, every verdict of the watch and every notice has its page, in one form."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from pipelines import errors

ROOT = Path(__file__).resolve().parents[2]
BOOKS = ROOT / "docs" / "runbooks"
OF_A_DAG = ["Makes", "When it fails", "Safe to rerun"]
OF_AN_ALARM = ["What it means", "What it does by itself", "What to look at", "What to do", "When to wake somebody"]
DAGS = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
ALARMS = sorted(BOOKS.glob("alarm_*.md"))
INDEX = (BOOKS / "README.md").read_text(encoding="utf-8")
VERDICTS = ["broken_feed", "concept_shift", "known_change", "population_shift", "season", "unknown"]
TOLD = {"notices.once", "notices.claim"}
WITHOUT_AN_ERROR = ["deadline_missed", "erasure_failed", "home_lost", "score_jump", "skew"]


def headings(page: Path) -> list[str]:
    return re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def kinds_of_error() -> list[str]:
    """Every error class a person may read of, but the root of them."""
    return [name for name, one in inspect.getmembers(errors, inspect.isclass)
            if issubclass(one, errors.TelcoError) and one is not errors.TelcoError]


def notices() -> set[str]:
    """How the names of notices begin, from every call that tells or claims one."""
    found = set()
    for path in [*(ROOT / "pipelines").rglob("*.py"), *(ROOT / "dags").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in TOLD:
                name = node.args[0]
                first = name.values[0] if isinstance(name, ast.JoinedStr) else name
                if isinstance(first, ast.Constant):
                    found.add(re.match(r"[a-z]+", str(first.value)).group())  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("name", DAGS)
def test_a_dag_has_its_page(name: str) -> None:
    page = BOOKS / f"{name}.md"
    assert [one for one in headings(page) if one in OF_A_DAG] == OF_A_DAG
    assert f"({name}.md)" in INDEX


def test_no_page_is_of_a_dag_that_is_gone() -> None:
    assert {path.stem for path in BOOKS.glob("*.md")} - {"README"} - {page.stem for page in ALARMS} == set(DAGS)


@pytest.mark.parametrize("page", ALARMS, ids=lambda page: page.stem)
def test_an_alarm_says_what_it_means_what_to_do_and_when_it_cannot_wait(page: Path) -> None:
    assert headings(page) == OF_AN_ALARM
    text = page.read_text(encoding="utf-8")
    look = text.split("## What to look at")[1].split("## What to do")[0]
    assert re.search(r"```sh\n\w+", look)
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])
    assert f"({page.name})" in INDEX


@pytest.mark.parametrize("kind", kinds_of_error())
def test_every_kind_of_error_is_on_a_page(kind: str) -> None:
    assert [page.stem for page in ALARMS if f"`{kind}`" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", [*VERDICTS, *WITHOUT_AN_ERROR])
def test_every_verdict_of_the_watch_and_every_guard_has_a_page(name: str) -> None:
    assert (BOOKS / f"alarm_{name}.md") in ALARMS


def test_the_verdicts_are_those_of_the_code() -> None:
    if importlib.util.find_spec("pipelines.monitoring.triage") is None:
        from pipelines.monitoring.decision import DriftVerdict

        assert "unknown" in inspect.getsource(inspect.getmodule(DriftVerdict))  # type: ignore[arg-type]
        return
    from pipelines.monitoring.triage import Cause  # type: ignore[import-not-found, unused-ignore]

    assert sorted(cause.value for cause in Cause if cause.value != "quiet") == VERDICTS


def test_every_notice_is_on_a_page() -> None:
    told = notices()
    assert {"late", "coverage", "standing"} <= told
    pages = "\n".join(page.read_text(encoding="utf-8") for page in ALARMS)
    assert not [name for name in told if not re.search(rf"`{name}[.*<-]", pages)]
