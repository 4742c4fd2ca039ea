"""One published world per module: three nights, 190 active of 200; tests that change it make their own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.settings import settings

NIGHTS = [date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19)]


def load_partitions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("telco_partitions", Path(__file__).with_name("partitions.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["telco_partitions"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def partitions() -> ModuleType:
    return load_partitions()


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory, partitions: ModuleType) -> Iterator[Path]:
    """Three published nights that tests only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("shared") / "home"))
        settings.cache_clear()
        partitions.publish_world(NIGHTS)
        yield settings().home
    settings.cache_clear()
