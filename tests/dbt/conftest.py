"""Worlds built once for all tests of the warehouse: dbt's start is the price of a test here, not its rows."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

sys.path.append(str(Path(__file__).parent))
from told import AS_OFS, living_in, tell


class Built:
    """A home after one build: `rows("features/ftr_subscriber_care", "2026-03-01")["s1"]` is one subscriber's row."""

    def __init__(self, home: Path, results: dict[str, Any]) -> None:
        self.home, self.results = home, results

    def path(self, dataset: str, as_of: str) -> Path:
        return self.home / dataset / f"as_of={as_of}" / "data.parquet"

    def rows(self, dataset: str, as_of: str) -> dict[str, dict[str, Any]]:
        # read_table would take `as_of=` in the path for a column.
        table = pq.ParquetFile(self.path(dataset, as_of)).read()
        return {row["subscriber_id"].removeprefix("sub_"): row for row in table.to_pylist()}

    def published(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.home)): path.read_bytes()
                for kind in ("features", "labels") for path in sorted((self.home / kind).rglob("data.parquet"))}


@pytest.fixture(scope="session")
def unify() -> Callable[[Path, list[date], bool], Built]:
    """Build and publish a home's raw for some as_ofs; with `unit_tests`, dbt's unit tests run in the same call."""

    def run(home: Path, as_ofs: list[date], unit_tests: bool = False) -> Built:
        from pipelines.progress import silent
        from pipelines.warehouse import builder, history, publication
        from pipelines.warehouse.plan import Plan

        with living_in(home):
            plan = Plan.of(as_ofs)
            history.check(plan)
            results = builder.build(plan, unit_tests=unit_tests)
            publication.publish(plan, report=silent)
        return Built(home, results)

    return run


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the raw drops of the told world; its warehouse is built again and again, as in life."""
    home = tmp_path_factory.mktemp("told")
    with living_in(home):
        tell()
    return home


@pytest.fixture(scope="session")
def built(told: Path, tmp_path_factory: pytest.TempPathFactory, unify: Any) -> Built:
    """All as_ofs of the told world in one bulk build, dbt's unit tests with it; published files set aside."""
    results = unify(told, AS_OFS, True).results
    aside = tmp_path_factory.mktemp("bulk")
    for kind in ("features", "labels"):
        shutil.move(told / kind, aside / kind)
    return Built(aside, results)
