"""Homes built once for the live tests; a history and ten nights of it are the price of a test here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from readme import Walk, clone, walk
from ten_days import TenDays, straight_run


@pytest.fixture(scope="session")
def ten_days(tmp_path_factory: pytest.TempPathFactory) -> TenDays:
    """Ten days with two corrections, and the home in which every night ran in its turn."""
    return straight_run(tmp_path_factory.mktemp("ten_days"))


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """README typed line by line: the demo's home, and the two made by hand below it."""
    return walk(clone(tmp_path_factory.mktemp("readme") / "telco-mlops"))
