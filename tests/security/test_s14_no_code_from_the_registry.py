"""S14: the feature registry holds no code, nothing of ours would run any, and no server of Feast is started.

Feast executes the text of user-defined functions that it finds in a registry, so whoever may write there runs code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pipelines.features import store
from pipelines.settings import PROJECT

RUNS_CODE = {"on_demand_feature_view", "OnDemandFeatureView", "stream_feature_view", "StreamFeatureView",
             "PandasTransformation", "PythonTransformation", "SubstraitTransformation", "udf", "batch_feature_view"}


def names(path: Path) -> Iterator[str]:
    """Every name, attribute and imported name a file uses."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def test_S14_nothing_in_the_repository_defines_a_view_that_runs_code() -> None:
    files = [path for folder in ("feature_repo", "pipelines", "dags") for path in (PROJECT / folder).rglob("*.py")]
    assert any(path.parent.name == "feature_repo" for path in files)
    guilty = {path.name: found for path in files if (found := RUNS_CODE & set(names(path)))}
    assert not guilty


def test_S14_the_registry_itself_holds_no_function(home: Path) -> None:
    registry = store._registered().registry.proto()
    assert len(registry.feature_views) >= 3
    assert len(registry.on_demand_feature_views) == len(registry.stream_feature_views) == 0
    words = str(registry)
    assert not [word for word in ("user_defined_function", "body_text", "feature_transformation") if word in words]
