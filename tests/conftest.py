"""Fixtures every test may use: an empty home of its own, and nothing of the developer's environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.settings import settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty TELCO_HOME for this test alone."""
    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "home"))
    for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()
