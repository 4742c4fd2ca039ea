"""The audit reads the file that would be published and refuses it with every reason it finds."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.errors import Held
from pipelines.governance.population import Population
from pipelines.governance.purpose import Leave
from pipelines.models import SPECS
from pipelines.models.spec import Purpose
from pipelines.scoring.audit import audit
from pipelines.scoring.table import schema, write

ACTIVE = ["a", "b", "c"]


def churn_rows(**changed: Any) -> pa.Table:
    rows: dict[str, Any] = {
        "subscriber_id": ACTIVE, "as_of": [date(2026, 1, 1)] * 3, "model": ["churn"] * 3, "model_version": [1] * 3,
        "churn_probability": [0.1, 0.5, 1.0], "decile": [8, 4, 1], "reason_1": ["x"] * 3, "reason_2": [None] * 3,
        "reason_3": [None] * 3, **{f"reason_{rank}_theme": ["tenure"] * 3 for rank in (1, 2, 3)},
        **{f"reason_{rank}_actionable": [False] * 3 for rank in (1, 2, 3)}, "expires_at": [datetime(2026, 1, 4)] * 3,
    }
    return pa.table(rows | changed, schema=schema(SPECS["churn"]))


def judged(tmp_path: Path, table: pa.Table, unscored: dict[str, int] | None = None) -> None:
    write(table, SPECS["churn"], tmp_path / "scores.parquet")
    leave = Leave(Purpose.ANALYTICS, date(2026, 1, 1), ("EU",), "consent")
    people = Population(leave.as_of, 5, pa.array(ACTIVE), pa.array(["alpha"] * 3), pa.array([True] * 3),
                        Counter(no_consent=2), leave)
    audit(tmp_path / "scores.parquet", SPECS["churn"], people, unscored or {})


def test_good_scores_pass(tmp_path: Path) -> None:
    judged(tmp_path, churn_rows())


@pytest.mark.mlts("O5")
@pytest.mark.parametrize(("changed", "reason"), [
    ({"churn_probability": [0.1, float("nan"), 0.2]}, "churn_probability: 1 values are NULL or not finite"),
    ({"churn_probability": [0.1, None, 0.2]}, "churn_probability: 1 values are NULL or not finite"),
    ({"churn_probability": [0.1, float("inf"), 0.2]}, "not finite"),
    ({"churn_probability": [0.1, 1.2, 0.2]}, r"1 values outside \[0.0, 1.0\]"),
    ({"decile": [0, 4, 11]}, r"decile: 2 values outside \[1, 10\]"),
    ({"subscriber_id": ["a", "b", "b"]}, "1 subscribers are scored more than once"),
    ({"subscriber_id": ["a", "b", "z"]}, "1 scored subscribers are not active or may not be scored, for example z"),
])
def test_bad_scores_are_held_with_their_reason(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(Held, match=reason):
        judged(tmp_path, churn_rows(**changed))


def test_a_missing_row_is_held_and_a_counted_one_is_not(tmp_path: Path) -> None:
    short = churn_rows().slice(0, 2)
    with pytest.raises(Held, match="2 rows for 3 active"):
        judged(tmp_path, short)
    judged(tmp_path, short, {"no_recent_margin": 1})


def test_counts_that_do_not_add_up_to_the_roster_are_held(tmp_path: Path) -> None:
    with pytest.raises(Held, match=r"3 rows and .* left out do not add up to 5 on the roster"):
        judged(tmp_path, churn_rows(), {"no_recent_margin": 1})


def test_a_column_of_another_type_is_held(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    table = churn_rows()
    pq.write_table(table.set_column(5, "decile", pa.array([1, 2, 3], pa.int32())), tmp_path / "scores.parquet")
    with pytest.raises(Held, match="columns are"):
        audit(tmp_path / "scores.parquet", SPECS["churn"], ACTIVE, {})
