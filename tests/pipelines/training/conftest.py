"""The small training world of `frames.py`, and an empty registry, as fixtures."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.settings import settings


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


@pytest.fixture(scope="session")
def give_registry(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Put an empty, migrated registry into a home: MLflow's migrations cost 5 CPU seconds, a copy none."""
    template = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(template))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        settings.cache_clear()
        from pipelines import tracking

        assert tracking.versions("telco_churn") == []
    settings.cache_clear()

    def give(home: Path) -> None:
        (home / "mlflow").mkdir(parents=True)
        shutil.copy(template / "mlflow" / "mlflow.db", home / "mlflow" / "mlflow.db")

    return give
