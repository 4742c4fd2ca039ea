"""The extract joins both models for people, and no cell of it can run in a spreadsheet."""

from __future__ import annotations

import csv
from datetime import date
from typing import Any

import pytest

from pipelines import scoring
from pipelines.errors import Held
from pipelines.reasons.phrases import LEVERS
from pipelines.scoring.extract import _cell

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


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\r=x"])
def test_text_that_a_spreadsheet_would_run_is_made_text(text: str) -> None:
    assert _cell(text) == f"'{text}"


def test_numbers_are_written_plainly() -> None:
    assert [_cell(value) for value in (-12.5, 3, 3.0, 0.1, 0.000001, float("nan"), None)] == [
        "-12.5", "3", "3", "0.1", "0.000001", "", ""]
