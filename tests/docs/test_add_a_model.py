"""The cookbook for a new model tells the truth: its example is made of the files it lists, and of no others."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.estate import estate
from pipelines.models import SPECS, labels
from pipelines.models.spec import Kind
from pipelines.scoring.extract import COLUMNS
from pipelines.scoring.table import schema
from pipelines.warehouse.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/cookbooks/add_a_model.md").read_text(encoding="utf-8")
EXAMPLE = SPECS["upgrade"]
CODE = ("dags", "dbt_project", "expectations", "feature_repo", "pipelines")


def listed(kind: str) -> list[str]:
    return re.findall(rf"^\| {kind} \| `([^`]+)` \|", PAGE, flags=re.MULTILINE)


def naming(spec_name: str) -> set[str]:
    """Files of the code that name a model, its label, its service or its spec."""
    spec = SPECS[spec_name]
    named = re.compile(
        rf'\b{spec.label}\b|\b{spec.feature_service}\b|\b{spec_name}\.SPEC\b|"{spec_name}"|^ *- name: {spec_name}$',
        flags=re.MULTILINE)
    files = [path for folder in CODE for path in (ROOT / folder).rglob("*")
             if path.suffix in (".py", ".sql", ".yml") and "target" not in path.parts]
    assert len(files) > 200
    return {path.relative_to(ROOT).as_posix() for path in files if named.search(path.read_text(encoding="utf-8"))}


def test_the_example_is_at_most_three_new_files_and_four_edited_and_no_dag() -> None:
    new, edited = listed("new"), listed("edited")
    assert 0 < len(new) <= 3
    assert 0 < len(edited) <= 4
    assert not [path for path in (*new, *edited) if not (ROOT / path).is_file() or path.startswith("dags/")]


def test_no_other_file_of_the_code_names_the_example() -> None:
    assert naming(EXAMPLE.name) == {path for path in (*listed("new"), *listed("edited")) if path.startswith(CODE)}


def test_no_two_specs_disagree_about_a_label() -> None:
    names = [label.name for label in labels()]
    assert sorted(names) == sorted({spec.label for spec in SPECS.values()})


def test_every_label_of_a_spec_is_a_mart_with_the_column_it_names() -> None:
    marts = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "dbt_project").rglob("labels/lbl_*.sql")}
    assert set(marts) == {spec.label for spec in SPECS.values()}
    assert not [spec.name for spec in SPECS.values() if not re.search(rf"\b{spec.label_column}\b", marts[spec.label])]


@pytest.mark.parametrize("model", SPECS)
def test_a_night_makes_the_label_of_every_model_on_the_day_it_is_known(home: Path, model: str) -> None:
    spec = SPECS[model]
    cutoff = estate().training_start + timedelta(days=100)
    night = spec.known_on(cutoff)
    assert Plan.of([night]).labels[spec.label_mart] == (cutoff,)
    assert Plan.of([night - timedelta(days=1)]).labels[spec.label_mart] != (cutoff,)


@pytest.mark.parametrize("model", SPECS)
def test_the_scores_and_the_extract_have_columns_for_every_model(model: str) -> None:
    assert set(COLUMNS[model]) <= set(schema(SPECS[model]).names)
    if SPECS[model].kind is Kind.CLASSIFIER:
        assert {f"{model}_probability", f"{model}_decile", f"{model}_reason_1"} <= set(COLUMNS[model].values())
    told = [name for columns in COLUMNS.values() for name in columns.values()]
    assert len(told) == len(set(told))
