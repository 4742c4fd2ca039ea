"""The extract joins both models for people, and no cell of it can run in a spreadsheet."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import scoring
from pipelines.errors import Held
from pipelines.reasons.phrases import LEVERS
from pipelines.scoring.dictionary import DAY, INSTANT, NUMBER, TEXT, WHOLE, YES_NO, Column
from pipelines.scoring.sheet import write

NIGHT = date(2026, 1, 12)


def rows_of(path: Any) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_extract_has_one_row_per_scored_subscriber_with_both_models(champion: Any, formula: Any) -> None:
    champion()
    formula()
    scoring.score("churn", NIGHT)
    scoring.score("ltv", NIGHT)
    rows = rows_of(scoring.extract(NIGHT))
    assert [row["subscriber_id"] for row in rows] == [f"sub_{number:05d}" for number in range(190)]
    first = rows[0]
    assert first["as_of"] == "2026-01-12"
    assert first["churn_version"] == first["ltv_version"] == "1"
    assert first["churn_expires_at"] == "2026-01-15T00:00:00Z"
    assert 0 < float(first["churn_probability"]) < 1
    assert float(first["ltv_eur_12m"])
    assert all(first[f"churn_reason_{rank}"] for rank in (1, 2, 3))
    assert {row["churn_reason_1_actionable"] for row in rows} == {"yes", "no"}
    acted_on = [row for row in rows if row["churn_reason_1_actionable"] == "yes"]
    assert all(row["churn_reason_1"].startswith("raises") and LEVERS[row["churn_reason_1_theme"]] for row in acted_on)


def test_a_model_without_a_champion_leaves_its_cells_empty(champion: Any) -> None:
    champion()
    scoring.score("churn", NIGHT)
    rows = rows_of(scoring.extract(NIGHT))
    assert len(rows) == 190
    assert {row["ltv_eur_12m"] for row in rows} == {""}


def test_a_night_that_nobody_scored_has_no_extract(champion: Any) -> None:
    champion()
    with pytest.raises(Held, match="no champion in force has scored"):
        scoring.extract(NIGHT)


def test_no_cell_runs_in_a_spreadsheet_and_numbers_are_written_plainly(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-1", "@sum", "\tx", "\r=x", "\nx", "\uff1dx", "a, b", 'say "no"', "two\nlines", "", None]
    numbers = [-12.5, 3.0, 0.1, 0.000001, float("nan"), -3.0, 1e9, 100.0, 0.25, 1234.5, 0.0, -0.5, 7.0]
    frame = pd.DataFrame({
        "words": texts, "number": numbers, "whole": [*range(12), None], "flag": [True, False, None] * 4 + [True],
        "day": [date(2026, 1, 2)] * 13, "moment": [pd.Timestamp("2026-01-02 03:04:05")] * 12 + [pd.NaT],
    })
    wanted = [Column(name, kind, "") for name, kind in zip(
        frame.columns, (TEXT, NUMBER, WHOLE, YES_NO, DAY, INSTANT), strict=True)]
    write(pa.Table.from_pandas(frame), wanted, tmp_path / "sheet.csv", tmp_path / "sheet.parquet")
    rows = rows_of(tmp_path / "sheet.csv")
    told = [f"'{text}" for text in texts[:8]] + texts[8:11] + ["", ""]
    assert [row["words"] for row in rows] == told
    assert [text or "" for text in pq.read_table(tmp_path / "sheet.parquet")["words"].to_pylist()] == told
    assert [row["number"] for row in rows] == [
        "-12.5", "3", "0.1", "0.000001", "", "-3", "1000000000", "100", "0.25", "1234.5", "0", "-0.5", "7"]
    assert [row["whole"] for row in rows] == [*map(str, range(12)), ""]
    assert [row["flag"] for row in rows[:3]] == ["yes", "no", ""]
    assert {row["day"] for row in rows} == {"2026-01-02"}
    assert [rows[0]["moment"], rows[12]["moment"]] == ["2026-01-02T03:04:05Z", ""]
