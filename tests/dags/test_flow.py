"""The picture of the flow is the DAGs': a DAG, an asset or a schedule that changes makes it stale, and this says so."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "site" / "flow.py"


@pytest.fixture(scope="module")
def flow() -> ModuleType:
    spec = importlib.util.spec_from_file_location("telco_flow", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_drawn_from_the_dags_as_they_are(dags: dict[str, Any], flow: ModuleType) -> None:
    picture = flow.PICTURE.read_text(encoding="utf-8")
    assert picture == flow.of_bag(dags), "run: python docs/site/flow.py"
    for word in ("raw_day", "marts", "features", "scores", "drift_*", "retrain_due_*"):
        assert f">{word}</text>" in picture
    assert {name for name in flow.SPOTS if f">{name}</text>" not in picture} == {"retrain"}  # drawn as retrain_*


def test_a_dag_that_is_scheduled_on_something_else_is_another_picture(dags: dict[str, Any], flow: ModuleType) -> None:
    without = {name: dag for name, dag in dags.items() if name != "promote"}
    assert flow.of_bag(without) != flow.of_bag(dags)
    with pytest.raises(KeyError, match="scores"):  # nothing makes what starts monitor and promote
        flow.of_bag({name: dag for name, dag in dags.items() if name != "score"})
    with pytest.raises(KeyError, match="a_new_dag"):
        flow.of_bag({**dags, "a_new_dag": dags["unify"]})
