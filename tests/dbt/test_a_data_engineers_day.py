"""The commands of docs/cookbooks/data_engineer.md, as typed: only TELCO_HOME is set, and a night has the warehouse."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
NIGHT = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(600)"
BUILT = "sub_plain"
PAGE = ROOT / "docs/cookbooks/data_engineer.md"


@pytest.fixture
def night(built: Any, told: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process has the warehouse's database file open for writing, as a night has."""
    file = str(told / "warehouse/warehouse.duckdb")
    process = subprocess.Popen([sys.executable, "-c", NIGHT, file], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    yield process
    still_there = process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    assert still_there, "the night ended before the work did, so it was in nobody's way"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working copy of the project, to be edited."""
    shutil.copytree(ROOT / "dbt_project", tmp_path / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path / "dbt_project"


def typed(project: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TELCO_", "DBT_"))}
    return subprocess.run(
        words, cwd=project, env={**environment, "TELCO_HOME": str(home), "DO_NOT_TRACK": "true"},
        capture_output=True, text=True, check=False,
    )


def dbt(project: Path, home: Path, *words: str) -> dict[str, str]:
    """A dbt command as typed in dbt_project/; returns the status of every node it ran, by name."""
    done = typed(project, home, str(Path(sys.executable).parent / "dbt"), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return ran(project / "target/run_results.json")


def ran(results: Path) -> dict[str, str]:
    """The status of every model and test of a run; the operations before it are not what was selected."""
    return {result["unique_id"].split(".")[2]: result["status"]
            for result in json.loads(results.read_text())["results"]
            if not result["unique_id"].startswith("operation.")}


def widen_a_window(project: Path) -> None:
    model = project / "models/marts/features/ftr_subscriber_care.sql"
    text = model.read_text()
    assert "opened_on >= as_of - 7" in text
    model.write_text(text.replace("opened_on >= as_of - 7", "opened_on >= as_of - 10"))


def dev(home: Path, query: str) -> list[Any]:
    with duckdb.connect(str(home / "warehouse/dev.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.mlts("D6")
def test_one_feature_table_is_built_for_one_day_on_an_empty_file_while_a_night_runs(
    built: Any, told: Path, project: Path, night: object,
) -> None:
    statuses = dbt(project, told, "build", "--target", "dev", "--select", "ftr_subscriber_care+",
                   "--vars", '{as_ofs: "2026-03-01"}')
    assert statuses["ftr_subscriber_care"] == "success"
    assert "grain_ftr_subscriber_care_subscriber_id__event_timestamp" in statuses
    rows = dev(told, "select subscriber_id, contacts_90d, days_since_last_contact from features.ftr_subscriber_care")
    published = built.rows("features/ftr_subscriber_care", "2026-03-01")
    assert {name.removeprefix("sub_"): values for name, *values in rows} == {
        name: [row["contacts_90d"], row["days_since_last_contact"]] for name, row in published.items()}


def test_every_dbt_command_of_the_page_is_one_that_dbt_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.cli.main import cli

    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [re.sub(r"^cd \S+ && ", "", line).replace("$TELCO_HOME", str(ROOT)) for block in blocks
             for line in block.splitlines() if re.search(r"(^|&& )dbt ", line)]
    monkeypatch.chdir(ROOT / "dbt_project")  # where dbt looks for the profile
    assert len(lines) == 4
    for line in lines:
        _, *words = shlex.split(line)
        name, command = "", cli
        while getattr(command, "commands", None):
            name, *words = words
            command = command.commands[name]
        command.make_context(name, words)


@pytest.mark.live
@pytest.mark.mlts("D6")
def test_only_what_an_edit_touches_is_built_against_the_manifest_the_night_left(
    told: Path, project: Path, night: object,
) -> None:
    words = ("build", "--target", "dev", "--select", "state:modified+", "--defer",
             "--state", str(told / "warehouse/dbt"), "--vars", '{as_ofs: "2026-03-01"}')
    assert dbt(project, told, *words) == {}
    widen_a_window(project)
    assert {name for name, status in dbt(project, told, *words).items() if status == "success"} == {
        "ftr_subscriber_care"}
    assert dev(told, f"select contacts_7d from features.ftr_subscriber_care where subscriber_id = '{BUILT}'") == [(1,)]


def ci(project: Path, home: Path) -> tuple[int, list[tuple[str, ...]]]:
    """`make dbt-ci`: its exit code, and (status, model, name) of every unit test it ran."""
    # `-o`: this interpreter's environment stands in for the one `make setup` would build beside the copy.
    made = typed(project.parent, home, "make", "-o", f"{sys.prefix}/.ready", f"VENV={sys.prefix}", "dbt-ci")
    results = json.loads((home / "warehouse/dbt-ci/run_results.json").read_text())["results"]
    return made.returncode, sorted((one["status"], *one["unique_id"].rsplit(".", 2)[1:]) for one in results
                                   if one["unique_id"].startswith("unit_test."))


@pytest.mark.live
def test_make_dbt_ci_runs_the_unit_tests_of_what_an_edit_touches_and_then_builds_its_values(
    built: Any, told: Path, project: Path, night: object,
) -> None:
    shutil.copytree(built.home / "features", told / "features", dirs_exist_ok=True)
    widen_a_window(project)
    code, checked = ci(project, told)
    assert code != 0
    failed = [name for status, _, name in checked if status == "fail"]
    assert failed == ["care_windows_are_half_open_at_7_30_and_90_days"]
    assert not (told / "warehouse/dbt-dev/run_results.json").exists()
    model = project / "models/marts/features/ftr_subscriber_care.sql"
    model.write_text(model.read_text().replace("as_of - 10", "as_of - (3 + 4)"))
    code, checked = ci(project, told)
    assert code == 0
    assert len(checked) >= 3
    assert {(status, model) for status, model, _ in checked} == {("pass", "ftr_subscriber_care")}
    assert ran(told / "warehouse/dbt-dev/run_results.json")["ftr_subscriber_care"] == "success"


@pytest.mark.live
def test_the_documentation_is_one_file_made_without_a_network(told: Path, project: Path, night: object) -> None:
    typed_words = ("docs", "generate", "--static", "--target", "dev")
    done = typed(project, told, str(Path(sys.executable).parent / "dbt"), *typed_words)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (project / "target/static_index.html").read_text(encoding="utf-8")
    assert "ftr_subscriber_care" in page
