"""Imports run one way, and every vendor library has one owner."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWNED = ("feast", "mlflow", "evidently", "great_expectations", "dbt", "numba")
# Three files of one package: the store, how it joins history, and what it writes online with.
FEAST = ["pipelines/features/history.py", "pipelines/features/store.py", "pipelines/features/writing.py"]


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder}/ has no Python files: this test would pass on nothing"
    return found


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def top(name: str) -> str:
    return name.split(".")[0]


def test_pipelines_and_expectations_never_import_airflow() -> None:
    guilty = [str(p.relative_to(ROOT)) for folder in ("pipelines", "expectations") for p in modules(folder)
              if "airflow" in map(top, imported(p))]
    assert not guilty


def test_imports_run_from_dags_to_pipelines_to_expectations_and_never_back() -> None:
    forbidden = {
        "pipelines": {"dags", "dagkit", "telco_deadlines", "telco_notes", "telco_reports",
                      "feature_repo", "tests", "benchmarks"},
        "expectations": {"dags", "dagkit", "pipelines", "feature_repo", "tests"},
        "feature_repo": {"dags", "dagkit", "pipelines", "expectations", "tests"},
    }
    guilty = [f"{p.relative_to(ROOT)} imports {name}" for folder, banned in forbidden.items()
              for p in modules(folder) for name in imported(p) if top(name) in banned]
    assert not guilty


@pytest.mark.parametrize("library", OWNED)
def test_each_vendor_library_has_exactly_one_owner_in_pipelines(library: str) -> None:
    owners = [str(p.relative_to(ROOT)) for p in modules("pipelines") if library in map(top, imported(p))]
    if library == "dbt":
        assert owners == []  # dbt runs as a subprocess: its open DuckDB files must end with it
        callers = [str(p.relative_to(ROOT)) for p in modules("pipelines/warehouse") if "dbt.cli.main" in p.read_text()]
        assert len(callers) == 1, callers
    elif library == "feast":
        assert owners == FEAST
    else:
        assert len(owners) == 1, f"{library} is imported by {owners}"


def test_no_module_but_the_simulator_reads_the_truth() -> None:
    guilty = [str(p.relative_to(ROOT)) for p in modules("pipelines")
              if ".truth" in p.read_text(encoding="utf-8") and "simulate" not in p.parts]
    assert not guilty


def test_only_the_clock_module_reads_the_clock() -> None:
    calls = ("datetime.now(", "datetime.utcnow(", "date.today(", "time.time(", "Timestamp.now(")
    guilty = [f"{p.relative_to(ROOT)}: {call}" for folder in ("pipelines", "expectations", "feature_repo")
              for p in modules(folder) if p.name != "clock.py"
              for call in calls if call in p.read_text(encoding="utf-8")]
    assert not guilty


def test_sql_models_never_read_the_clock_and_there_is_no_snapshot() -> None:
    models = sorted((ROOT / "dbt_project").rglob("models/**/*.sql"))
    assert len(models) >= 10
    banned = ("current_date", "current_timestamp", "now()", "today()")
    guilty = [f"{m.relative_to(ROOT)}: {word}" for m in models for word in banned if word in m.read_text().lower()]
    assert not guilty
    assert not list((ROOT / "dbt_project").rglob("snapshots/*.sql"))


def test_nothing_in_pipelines_can_load_a_pickle() -> None:
    guilty = [str(p.relative_to(ROOT)) for p in modules("pipelines")
              if {"pickle", "joblib", "cloudpickle", "dill"} & set(map(top, imported(p)))]
    assert not guilty
