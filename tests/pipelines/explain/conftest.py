"""The night that can be scored of the scoring tests, and the drops of the door's."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def load(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


scoring = load("telco_scoring_night", "scoring/conftest.py")
kept_home, home = scoring.kept_home, scoring.home
partitions, world, champion, formula = scoring.partitions, scoring.world, scoring.champion, scoring.formula


@pytest.fixture(scope="session")
def drops() -> ModuleType:
    """The builder of valid drops."""
    return load("telco_explained_drops", "landing/drops.py")
