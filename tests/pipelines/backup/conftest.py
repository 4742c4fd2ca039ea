"""The tiny house of the erasure tests, with what only a backup brings back: champion log, registry, audit line."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines.governance import audit
from pipelines.settings import settings


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_houses = _load("telco_houses", Path(__file__).parents[1] / "governance" / "conftest.py")
drops, built, house = _houses.drops, _houses.built, _houses.house


@dataclass
class Disks:
    """The house, a disk for its backups, and a new home for the day the old one is gone."""

    house: Any
    backups: Path
    new: Path
    move: Callable[[Path], None]

    def kept(self) -> dict[str, bytes]:
        """Every file of the home in use that a backup keeps, but the audit log, which goes on."""
        from pipelines.backup import contents

        home = settings().home
        return {str(path.relative_to(home)): path.read_bytes() for path in contents.files(
            (contents.RAW, contents.FEATURES), [home / "mlflow/mlflow.db"])
            if path.relative_to(home).parts[0] not in (*contents.AUDIT, "tombstones", "reports")}


@pytest.fixture
def disks(house: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", raising=False)
    (home / "champions").mkdir()
    (home / "champions" / "churn.jsonl").write_text(json.dumps({"model": "churn", "version": 1}) + "\n")
    (home / "mlflow" / "artifacts").mkdir(parents=True)
    (home / "mlflow" / "artifacts" / "model.ubj").write_bytes(b"\x00trees")
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as registry, registry:
        registry.execute("create table runs (artifact_uri text, note text)")
        registry.execute("insert into runs values (?, ?)", ((home / "mlflow/artifacts/1").as_uri(), "as it was"))
    audit.record("promotion", subject="churn:1")
    (tmp_path / "backups").mkdir()

    def move(place: Path) -> None:
        monkeypatch.setenv("TELCO_HOME", str(place))
        settings.cache_clear()

    return Disks(house, tmp_path / "backups", tmp_path / "new", move)
