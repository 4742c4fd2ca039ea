"""Gives the security tests the drops of the door."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DROPS = Path(__file__).parents[1] / "pipelines" / "landing" / "drops.py"


@pytest.fixture(scope="session")
def drops() -> ModuleType:
    """The builder of valid drops."""
    spec = importlib.util.spec_from_file_location("telco_drops", DROPS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
