"""Fixtures every test may use: an empty home and registry of its own, nothing of the developer's environment."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.settings import settings


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ml-test-score", action="store_true", help="print the ML Test Score of the marked tests")
    parser.addoption("--accept-counts", action="store_true", help="what a night was counted to do is what it may do")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--ml-test-score"):
        spec = importlib.util.spec_from_file_location("telco_mltestscore", Path(__file__).with_name("mltestscore.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        config.pluginmanager.register(module.Sheet(), "ml-test-score")


@pytest.fixture(autouse=True)
def no_costs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What steps cost is written in its own tests and in those of whole nights: others compare homes byte by byte."""
    if not {"cost", "whole", "live"} & set(request.path.parts):
        monkeypatch.setattr("pipelines.cost._append", lambda line: None)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty TELCO_HOME for this test alone."""
    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "home"))
    for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI", "TELCO_NOTIFY_WEBHOOK", "TELCO_NOTIFY_SMTP"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()


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
