"""The DAGs as Airflow parses them, once per session and without its database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import PROJECT, settings

DAGS = PROJECT / "dags"
PLUGINS = PROJECT / "plugins"


@pytest.fixture(scope="session")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A BundleDagBag of dags/; afterwards `dagkit` can be imported too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("parse")))
        patch.delenv("TELCO_ESTATE", raising=False)
        patch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(PLUGINS))
        patch.syspath_prepend(str(PLUGINS))
        patch.syspath_prepend(str(DAGS))
        settings.cache_clear()
        import airflow.plugins_manager
        import airflow.providers.standard.operators.hitl  # noqa: F401
        from airflow.dag_processing.dagbag import BundleDagBag

        started = time.process_time()
        found = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags")
        found.cpu_s = time.process_time() - started
        yield found
    settings.cache_clear()


@pytest.fixture(scope="session")
def dags(bag: Any) -> dict[str, Any]:
    assert not bag.import_errors
    found: dict[str, Any] = bag.dags
    return found


@pytest.fixture(scope="session")
def dag_files() -> list[Path]:
    found = sorted(DAGS.glob("*.py"))
    assert len(found) >= 9
    return found
