"""Gives the fault tests the drops of the door, a process that lands, and eyes for what lies on the disk."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.settings import settings

HERE = Path(__file__).parent


def load(name: str, path: Path) -> ModuleType:
    """A file beside the tests as a module; they import nothing of each other."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def drops() -> ModuleType:
    """The builder of valid drops."""
    return load("telco_drops", HERE.parent / "pipelines" / "landing" / "drops.py")


@pytest.fixture(scope="session")
def trees() -> ModuleType:
    """What lies below a home, and what must not."""
    return load("telco_trees", HERE / "trees.py")


@pytest.fixture(scope="session")
def partitions() -> ModuleType:
    """Published partitions made without dbt."""
    return load("telco_fault_partitions", HERE.parent / "pipelines" / "features" / "partitions.py")


@pytest.fixture(scope="session")
def night() -> ModuleType:
    """A published night with a champion."""
    return load("telco_fault_night", HERE / "night.py")


@pytest.fixture(scope="session")
def told() -> ModuleType:
    """Raw drops told in sentences."""
    return load("telco_fault_told", HERE.parent / "dbt" / "world.py")


@pytest.fixture
def telco(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., object]:
    """Run the command line as a shell does: (exit code, what it printed, what it said on stderr)."""
    from pipelines import cli

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["telco", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def warm(drops: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A process that lands in children of its own, with everything imported."""
    scratch = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(scratch))
        settings.cache_clear()
        drops.estate("network.usage_daily")
        drops.drop("network.usage_daily")
        process = load("telco_warm", HERE / "warm.py").Warm(scratch, drops.AS_OF)
    settings.cache_clear()
    yield process
    process.close()
