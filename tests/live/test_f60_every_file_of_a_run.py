"""F60: the search of every file that README's run leaves: logs, Airflow's and MLflow's databases, artefacts, pages.

What the search sees into is shown in tests/faults/test_f60_no_clear_number.py; here it is shown to fail on this home.
"""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from readme import Walk

pytestmark = pytest.mark.live
NESTED = ("by-hand", "ibm")  # homes of their own


@pytest.fixture(scope="module")
def clear() -> ModuleType:
    place = Path(__file__).parents[1] / "faults" / "clear.py"
    spec = importlib.util.spec_from_file_location("telco_clear", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [".", "by-hand"])
def test_F60_no_clear_identifier_is_in_any_file_of_a_run_but_where_it_may_be(
    walked: Walk, clear: ModuleType, name: str
) -> None:
    home = walked.home / name
    words = clear.planted(home)
    assert len(words) > 4000
    read, told = clear.found(home, words, (*clear.ALLOWED, *NESTED))
    assert read > 500
    assert told == {}


def test_F60_the_run_has_every_kind_of_store_that_is_searched(walked: Walk) -> None:
    stores = ("airflow/airflow.db", "airflow/logs", "logs", "mlflow", "feast", "warehouse", "reports", "raw",
              "features", "scores", "extracts", "ledger", "audit")
    assert [store for store in stores if not (walked.home / store).exists()] == []
    with sqlite3.connect(walked.home / "airflow/airflow.db") as connection:
        assert connection.execute("select count(*) from xcom").fetchone()[0] > 10


def test_F60_one_number_in_a_log_in_xcom_or_in_a_partition_fails_the_search(
    walked: Walk, clear: ModuleType, tmp_path: Path
) -> None:
    number = next(word for word in sorted(clear.planted(walked.home)) if word.isdigit() and len(word) > 12).decode()
    shutil.copyfile(walked.home / "airflow/airflow.db", tmp_path / "airflow.db")
    assert clear.found(tmp_path, {number.encode()}) == (1, {})
    with closing(sqlite3.connect(tmp_path / "airflow.db")) as connection, connection:  # closed: nothing left beside it
        connection.execute("update xcom set value = ? where rowid = (select max(rowid) from xcom)", (f'"{number}"',))
    (tmp_path / "task.log").write_text(f"landed {number}\n", encoding="utf-8")
    assert set(clear.found(tmp_path, {number.encode()})[1]) == {"airflow.db", "task.log"}
