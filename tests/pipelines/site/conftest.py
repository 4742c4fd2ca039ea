"""Gives the tests of the front page a home that stands, and the browser that looks at it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.settings import settings


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"telco_site_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def planted() -> ModuleType:
    return load("planted")


@pytest.fixture(scope="session")
def browser() -> ModuleType:
    found = load("chromium")
    if found.BROWSER is None:
        pytest.skip("no Chromium on this machine: how the page looks is not tested")
    pytest.importorskip("websockets")
    return found


@pytest.fixture(scope="session")
def built(planted: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("site") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(home))
        settings.cache_clear()
        planted.stand()
    settings.cache_clear()
    return home


@pytest.fixture
def stood(home: Path, built: Path) -> Iterator[Path]:
    """A copy of the home that stands."""
    shutil.copytree(built, home)
    settings.cache_clear()
    yield home
    settings.cache_clear()
