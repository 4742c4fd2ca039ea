"""A night scores a third model by its spec alone: its own column, its own words, its own columns of the extract."""

from __future__ import annotations

import csv
from datetime import date
from typing import Any

import pyarrow.parquet as pq

from pipelines import scoring
from pipelines.models import SPECS
from pipelines.scoring.nightly import key_of, scores_of
from pipelines.scoring.table import schema

NIGHT = date(2026, 1, 12)


def test_scores_of_upgrade_have_its_probability_and_reasons_of_a_chance(champion: Any) -> None:
    champion(model="upgrade")
    assert scoring.score("upgrade", NIGHT).rows == 190
    table = pq.read_table(scores_of("upgrade").verify(key_of(NIGHT, 1)), partitioning=None)
    assert table.schema == schema(SPECS["upgrade"])
    assert set(table.column("model").to_pylist()) == {"upgrade"}
    assert "churn_probability" not in table.column_names
    words = [word for rank in (1, 2, 3) for word in table.column(f"reason_{rank}").to_pylist()]
    assert {word.split(":")[0] for word in words} == {"raises the chance", "lowers the chance"}
    assert not any(mark for rank in (1, 2, 3) for mark in table.column(f"reason_{rank}_actionable").to_pylist())
    with scoring.extract(NIGHT).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["upgrade_probability"] for row in rows] == [
        f"{value:.6f}".rstrip("0") for value in table.column("upgrade_probability").to_pylist()]
    assert {row["upgrade_version"] for row in rows} == {"1"}
    assert {row["churn_probability"] for row in rows} == {""}
