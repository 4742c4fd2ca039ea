"""S07: a drop that is a symbolic link, or lies behind one, is not read."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing
from pipelines.errors import RejectedFile

USAGE = "network.usage_daily"


@pytest.fixture
def drops() -> ModuleType:
    path = Path(__file__).parents[1] / "pipelines" / "landing" / "drops.py"
    spec = importlib.util.spec_from_file_location("telco_drops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("what", ["data", "control", "folder"])
def test_S07_a_symbolic_link_is_rejected_and_its_target_is_not_copied(
    home: Path, drops: ModuleType, tmp_path: Path, what: str
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    link = {"data": path, "control": path.with_name(path.name + ".ctl"), "folder": path.parent}[what]
    secret = tmp_path / "secret"
    link.rename(secret)
    link.symlink_to(secret)
    with pytest.raises(RejectedFile, match="symbolic link"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()
    if what == "data":
        copies = [p for p in (home / "quarantine").rglob("*") if p.is_file() and not p.name.endswith(".json")]
        assert all(hashlib.sha256(p.read_bytes()).digest() != hashlib.sha256(secret.read_bytes()).digest()
                   for p in copies)
