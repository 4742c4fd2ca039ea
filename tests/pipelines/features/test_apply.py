"""Registering definitions is paid for when they change, and only then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import features
from pipelines.features import store
from pipelines.settings import PROJECT, settings


def test_definitions_are_registered_once(home: Path) -> None:
    assert features.apply()
    assert not features.apply()
    assert [view.name for view in store.online_views()] == ["subscriber_online", "subscriber_scores"]


def test_changed_definitions_are_registered_again(home: Path) -> None:
    features.apply()
    (settings().feast / "applied.json").write_text(json.dumps({"digest": "of other definitions"}))
    assert features.apply()
    assert features.feature_columns("churn_v1")[0] == "tenure_days"


def test_a_night_with_registered_definitions_does_not_pay_for_feast_in_apply(home: Path) -> None:
    features.apply()
    code = "import sys; from pipelines import features; assert not features.apply(); print('feast' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True,
                          env={**os.environ, "TELCO_HOME": str(home)})
    assert done.stdout.strip() == "False"


def test_loading_the_repository_leaves_nothing_behind(home: Path) -> None:
    before = (Path.cwd(), list(sys.path), os.environ.get("TELCO_HOME"))
    features.apply()
    assert (Path.cwd(), list(sys.path), os.environ.get("TELCO_HOME")) == before
    assert not {"entities", "data_sources", "feature_views", "feature_services", "governance"} & set(sys.modules)


def test_typeguard_works_again_after_feast_was_imported(home: Path) -> None:
    import typeguard

    features.apply()

    @typeguard.typechecked
    def doubled(number: int) -> int:
        return 2 * number

    with pytest.raises(typeguard.TypeCheckError):
        doubled("a")  # type: ignore[arg-type]
