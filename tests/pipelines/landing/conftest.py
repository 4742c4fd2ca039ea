"""Gives the tests of the door their drops."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def drops() -> ModuleType:
    """The builder of valid drops, `drops.py` beside this file."""
    spec = importlib.util.spec_from_file_location("telco_drops", Path(__file__).with_name("drops.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
