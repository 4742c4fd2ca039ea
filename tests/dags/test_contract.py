"""What every DAG of ours promises. A failing line here is the checklist for a new one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines import stack
from pipelines.models import SPECS
from pipelines.settings import PROJECT

HEADINGS = ("### Makes", "### When it fails", "### Safe to rerun")
RUNBOOK_HEADINGS = ("## Makes", "## When it fails", "## Safe to rerun")
# Imported when the file is parsed, every minute or two: nothing here may cost more than the standard library.
LIGHT = {"__future__", "typing", "logging", "datetime", "collections", "contextlib", "airflow", "dagkit"}
LIGHT_OF_OURS = {"pipelines.models", "pipelines.estate", "pipelines.clock", "pipelines.errors"}
HEAVY = {"pandas", "pyarrow", "duckdb", "feast", "mlflow", "xgboost", "evidently", "great_expectations", "dbt"}


def outlets(dag: Any) -> dict[str, list[str]]:
    """Task id -> names of the assets (and, with a leading `?`, aliases) it may change."""
    return {task.task_id: [("?" if type(out).__name__ == "AssetAlias" else "") + out.name for out in task.outlets]
            for task in dag.tasks if task.outlets}


def scheduled_on(dag: Any) -> tuple[str, list[str]]:
    """The kind of the asset condition, and the assets in it."""
    condition = getattr(dag.timetable, "asset_condition", None)
    if condition is None:
        return "none", []
    return type(condition).__name__, [asset.name for asset in getattr(condition, "objects", [condition])]


def scheduling(dags: dict[str, Any]) -> set[str]:
    """The assets that start a DAG."""
    return {name for dag in dags.values() for name in scheduled_on(dag)[1]}


def test_the_files_give_exactly_the_dags_the_stack_waits_for(dags: dict[str, Any]) -> None:
    assert sorted(dags) == sorted(stack.dag_ids())


def test_every_spec_has_its_retrain(dags: dict[str, Any]) -> None:
    assert SPECS
    assert {f"retrain_{model}" for model in SPECS} <= set(dags)


def test_every_dag_says_what_it_makes_how_it_fails_and_whether_to_rerun(dags: dict[str, Any]) -> None:
    silent = {name: [h for h in HEADINGS if h not in (dag.doc_md or "")] for name, dag in dags.items()}
    assert not {name: missing for name, missing in silent.items() if missing}


def test_every_dag_has_an_owner_and_tags_and_leaves_the_past_alone(dags: dict[str, Any]) -> None:
    for name, dag in dags.items():
        assert {task.owner for task in dag.tasks} == {"telco"}, name
        assert "telco" in dag.tags, name
        assert dag.catchup is False, name


def test_every_dag_has_a_runbook_that_its_doc_names(dags: dict[str, Any]) -> None:
    for name, dag in dags.items():
        page = "retrain" if name.removeprefix("retrain_") in SPECS else name
        runbook = PROJECT / "docs" / "runbooks" / f"{page}.md"
        assert f"docs/runbooks/{page}.md" in dag.doc_md, name
        text = runbook.read_text(encoding="utf-8")
        assert all(heading in text for heading in RUNBOOK_HEADINGS), runbook


def test_dag_files_import_only_what_is_light_at_parse_time(dag_files: list[Path]) -> None:
    guilty = []
    for path in [*dag_files, *sorted((dag_files[0].parent / "dagkit").glob("*.py"))]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            guilty += [f"{path.name}: {name}" for name in names
                       if name.split(".")[0] not in LIGHT and name not in LIGHT_OF_OURS]
    assert not guilty


def test_what_is_light_stays_light() -> None:
    code = f"import sys, {', '.join(sorted(LIGHT_OF_OURS))}; from pipelines.estate import estate; estate(); " \
           f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout.strip() == "[]"


def test_dag_files_wire_and_do_not_compute(dag_files: list[Path]) -> None:
    long = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in dag_files}
    assert not {name: lines for name, lines in long.items() if lines > 100}
    loops = [path.name for path in dag_files
             if any(isinstance(node, ast.While | ast.Try) for node in ast.walk(ast.parse(path.read_text())))]
    assert not loops


def test_no_failed_task_can_end_in_a_green_run(dags: dict[str, Any]) -> None:
    """A rule like all_done on a last task would make the run a success whatever failed before it."""
    rules = {(name, task.task_id): str(getattr(task.trigger_rule, "value", task.trigger_rule))
             for name, dag in dags.items() for task in dag.tasks}
    assert rules
    assert not {where: rule for where, rule in rules.items() if rule not in {"all_success", "none_failed"}}


def test_each_nightly_dag_closes_in_one_unmapped_task_with_one_scheduling_outlet(dags: dict[str, Any]) -> None:
    for name in ("land_sources", "unify", "materialize_features", "score"):
        dag = dags[name]
        starters = {task: [asset for asset in assets if asset in scheduling(dags)]
                    for task, assets in outlets(dag).items()}
        assert [len(assets) for assets in starters.values()] == [1], name
        (closing,) = [task for task in dag.tasks if task.task_id in starters]
        assert [leaf.task_id for leaf in dag.leaves] == [closing.task_id], name
        assert not closing.is_mapped, name


def test_the_night_is_one_chain_of_dates(dags: dict[str, Any]) -> None:
    assert type(dags["land_sources"].timetable).__name__ == "CronPartitionTimetable"
    chain = {name: scheduled_on(dags[name])[1] for name in stack.NIGHTLY[1:]}
    assert chain == {"unify": ["raw_day"], "materialize_features": ["marts"], "score": ["features"],
                     "monitor": ["scores"]}


def test_nobody_waits_for_two_assets_at_once(dags: dict[str, Any]) -> None:
    """A consumer of A & B never re-runs when one of them is made again, and waits for ever when one is skipped."""
    assert not {name for name, dag in dags.items() if scheduled_on(dag)[0] == "AssetAll"}
    for model in SPECS:
        kind, assets = scheduled_on(dags[f"retrain_{model}"])
        assert (kind, sorted(assets)) == ("AssetAny", [f"drift_{model}", f"retrain_due_{model}"])


def test_every_asset_that_starts_a_dag_is_made_by_exactly_one_task(dags: dict[str, Any]) -> None:
    makers = [asset.lstrip("?").replace("drift_signal_", "drift_")
              for dag in dags.values() for assets in outlets(dag).values() for asset in assets]
    assert sorted(makers) == sorted(scheduling(dags))


def test_drift_is_told_by_an_alias_because_a_quiet_night_must_change_nothing(dags: dict[str, Any]) -> None:
    assert outlets(dags["monitor"]) == {f"watch_{model}": [f"?drift_signal_{model}"] for model in SPECS}


def test_partition_keys_are_plain_days(dags: dict[str, Any]) -> None:
    producers = [dag.timetable for dag in dags.values() if hasattr(dag.timetable, "key_format")]
    assert len(producers) == 2
    assert {timetable.key_format for timetable in producers} == {"%Y-%m-%d"}
    # Midnight: with a later hour a backfill that ends on a midnight loses its last day.
    assert all(timetable.expression.startswith("0 0 ") for timetable in producers)


def test_pools_are_those_the_stack_makes_and_guard_what_has_one_writer(dags: dict[str, Any]) -> None:
    used = {(name, task.task_id): task.pool for name, dag in dags.items() for task in dag.tasks}
    assert set(used.values()) <= {*stack.POOLS, "default_pool"}
    assert used["unify", "build_and_publish"] == used["bootstrap_history", "build"] == "warehouse"
    assert {used[f"retrain_{model}", "train"] for model in SPECS} == {"training"}
    assert set(stack.POOLS.values()) == {1}


def test_what_a_person_types_into_bootstrap_history_is_checked_before_a_run_exists(dags: dict[str, Any]) -> None:
    import re

    params = dags["bootstrap_history"].params
    assert set(params) == {"from", "to", "initial"}
    for name in ("from", "to"):
        pattern = re.compile(params.get_param(name).schema["pattern"])
        assert pattern.search("2026-03-01")
        assert not any(pattern.search(bad) for bad in ("2026-03-01' or 1=1 --", "{{ var.value.x }}", "../../x", ""))


def test_an_erasure_takes_a_day_and_nobodys_name(dags: dict[str, Any]) -> None:
    """What is typed into a run stays in Airflow's database, so a person is never a parameter."""
    dag = dags["erase_subscribers"]
    assert set(dag.params) == {"as_of", "dry_run"}
    assert dag.params.get_param("as_of").schema["pattern"] == r"^\d{4}-\d{2}-\d{2}$"
    (task,) = dag.tasks
    assert (task.task_id, task.pool, task.retries) == ("erase", "warehouse", 2)


def test_an_erasure_of_nobody_is_a_green_run_without_a_proof(
    dags: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task,) = dags["erase_subscribers"].tasks
    assert task.python_callable(dag_run=None, params={"as_of": "2026-03-01", "dry_run": False}) == ""
    from airflow.sdk.exceptions import AirflowFailException

    from pipelines.governance import erasure

    monkeypatch.setattr(erasure, "due", lambda day: {"0" * 32: "R1"})
    with pytest.raises(AirflowFailException, match="knows no such subscription"):
        task.python_callable(dag_run=None, params={"as_of": "2026-03-01", "dry_run": False})
