"""The small training world of `frames.py` as a fixture."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def frames() -> ModuleType:
    """The module `frames.py` beside this file, by its path: `tests` is not a package of ours to import from."""
    path = Path(__file__).with_name("frames.py")
    spec = importlib.util.spec_from_file_location("training_frames", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["training_frames"] = module
    spec.loader.exec_module(module)
    return module
