"""The guard over a night's counts, on a toy: it names what grew, by how much, and lets through what did not."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import night_counts
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import cost
from pipelines.publish import sha256

ONCE = "select line, sum(mb) as mb from usage where mb >= 0 group by line"
TWICE = """
    with largest as (select line, max(mb) as mb from usage group by line)
    select line, sum(usage.mb) as mb from usage join largest using (line) where usage.mb >= 0 group by line
"""


@pytest.fixture
def built(tmp_path: Path) -> Any:
    """A warehouse of one table with one model, as dbt leaves it; call it with the model's query."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create table usage as select range % 50 as line, range as mb from range(4000)")
    (tmp_path / "dbt").mkdir()

    def counts(query: str) -> night_counts.Counts:
        (tmp_path / "dbt" / "run_results.json").write_text(json.dumps({"results": [
            {"unique_id": "model.telco.toy", "compiled_code": query},
            {"unique_id": "test.telco.toy_has_rows.1", "compiled_code": "select 1 as fault from usage where mb < 0"},
        ]}))
        return night_counts.of_queries(tmp_path)

    return counts


def test_a_model_that_scans_use_twice_is_named_with_both_counts(built: Any) -> None:
    stand = built(ONCE)
    assert stand["model toy"]["rows_scanned"] == 4000
    assert night_counts.compared(built(ONCE), stand) == []
    assert night_counts.compared(built(TWICE), stand) == ["model toy: rows_scanned grew from 4,000 to 8,000"]


def test_files_a_query_reads_are_counted(built: Any, tmp_path: Path) -> None:
    for day in range(3):
        pq.write_table(pa.table({"mb": [day]}), tmp_path / f"{day}.parquet")
    assert built(f"select * from read_parquet('{tmp_path}/*.parquet')")["model toy"]["files_read"] == 3


def test_a_stage_that_does_everything_twice_is_named_count_by_count(home: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": range(1000)}), tmp_path / "n.parquet")
    # A statement of the system's own code, which this is not.
    statement = compile("import yaml", "toy", "exec")

    @cost.counted("toy")
    def stage(times: int) -> None:
        for _ in range(times):
            reader = Thread(target=pq.read_table, args=[tmp_path / "n.parquet"], kwargs={"partitioning": None})
            reader.start()
            reader.join()
            sha256(tmp_path / "n.parquet")
            with duckdb.connect() as connection:
                connection.execute("select max(range) from range(10)").fetchall()
        if times > 1:
            exec(statement, {"__name__": "pipelines.toy"})

    with night_counts.watched() as stand:
        stage(1)
    with night_counts.watched() as found:
        stage(2)
    pq.read_table(tmp_path / "n.parquet", partitioning=None)
    assert night_counts.compared(stand.told(), stand.told()) == []
    assert night_counts.compared(found.told(), stand.told()) == [
        "toy: imports yaml, which it did not", "toy: files_read grew from 1 to 2",
        "toy: rows_read grew from 1,000 to 2,000", "toy: files_hashed grew from 1 to 2",
        "toy: queries grew from 1 to 2"]


def test_a_stage_nobody_counts_any_more_guards_nothing_and_is_told(built: Any) -> None:
    stand = built(ONCE)
    assert night_counts.compared({}, stand) == [f"{name}: nothing was counted, so nothing is guarded" for name in stand]
    assert night_counts.compared(stand, {}) == [f"{name}: is new" for name in stand]


def test_what_a_module_of_ours_loads_is_read_in_its_source() -> None:
    assert "pyarrow" in night_counts.loads("pipelines.monitoring.inputs")
    assert night_counts.loads("xgboost.sklearn") == {"xgboost"}
    assert not {"evidently", "great_expectations", "dbt", "feast", "mlflow"} & night_counts.loads("pipelines.scoring")
