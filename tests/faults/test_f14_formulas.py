"""F14: text stays text. A delimiter or a formula in a name is stored as it came, and no exported cell can run."""

from __future__ import annotations

import csv
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipelines import landing
from pipelines.cli.app import app
from pipelines.errors import RejectedFile

exporter = import_module("pipelines.scoring.extract")  # the package has a function of this name
SUBSCRIBERS = "billing_bravo.subscribers"
ACCOUNTS = "billing_alpha.accounts"
NIGHT = date(2026, 3, 11)
STARTS = ("=", "+", "-", "@")
FORMULAS = (
    '=HYPERLINK("http://example.com?x="&A1,"click")', "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\n=1+1",
    "=cmd|' /C calc'!A0", "＝1+1", "＋1", "－1", "＠SUM(A1)",
)


@pytest.mark.parametrize("region", ["north; south", 'the "old" north', ";", "a;b;c", *FORMULAS[:5], FORMULAS[7]])
def test_F14_a_delimiter_or_a_formula_is_stored_as_the_text_it_is(
    home: Path, drops: ModuleType, region: str
) -> None:
    drops.estate(ACCOUNTS)
    rows = [{**row, "region": region, "customer_name": f"=1+1;{number};\"x\""}
            for number, row in enumerate(drops.rows(ACCOUNTS))]
    drops.drop(ACCOUNTS, rows)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (3, 0)
    table = drops.raw(ACCOUNTS)
    assert table["region"].to_pylist() == [region] * 3
    assert table["payment_method"].to_pylist() == ["bank_transfer"] * 3


@pytest.mark.parametrize("area", FORMULAS[:5])
def test_F14_in_json_lines_too(home: Path, drops: ModuleType, area: str) -> None:
    drops.estate(SUBSCRIBERS)
    drops.drop(SUBSCRIBERS, [{**row, "sales_area": area, "full_name": area} for row in drops.rows(SUBSCRIBERS)])
    landing.land(drops.AS_OF)
    assert drops.raw(SUBSCRIBERS)["sales_area"].to_pylist() == [area] * 3


def test_F14_a_delimiter_that_is_not_quoted_rejects_the_file(home: Path, drops: ModuleType) -> None:
    drops.estate(ACCOUNTS)
    data = drops.encode(ACCOUNTS, [{**row, "region": "@here@"} for row in drops.rows(ACCOUNTS)])
    drops.put(ACCOUNTS, data.replace(b"@here@", b"north;south", 1), 3)
    with pytest.raises(RejectedFile, match="not the columns of the header in every line: Expected 10 columns, got 11"):
        landing.land(drops.AS_OF)


@pytest.fixture
def night(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night in which each formula stands in each text column, beside numbers below zero."""
    count = len(FORMULAS)
    numbers = [f"sub_{number:02d}" for number in range(count)]
    roster = pd.DataFrame({
        "subscriber_id": numbers, "operator": FORMULAS, "region": FORMULAS, "segment": FORMULAS,
    })
    stamps = {"model_version": 1, "expires_at": datetime(2026, 3, 14)}
    words = {"reason_1": FORMULAS, "reason_2": FORMULAS, "reason_3": None}
    ltv = pd.DataFrame({
        "subscriber_id": numbers, "ltv_eur_12m": -12.5, "ltv_low_eur_12m": -20.0, "ltv_high_eur_12m": 1.0,
        "margin_eur_month": -1.0, "survival_12m": 0.5, **words, **stamps,
    })
    churn = pd.DataFrame({
        "subscriber_id": numbers, "churn_probability": 0.1, "decile": 1, **words,
        **dict.fromkeys(("reason_1_theme", "reason_2_theme", "reason_3_theme"), "=1+1"),
        **dict.fromkeys(("reason_1_actionable", "reason_2_actionable", "reason_3_actionable"), True), **stamps,
    })
    found = {"churn": pa.Table.from_pandas(churn), "ltv": pa.Table.from_pandas(ltv)}
    monkeypatch.setattr(exporter, "_roster", lambda as_of: pa.Table.from_pandas(roster))
    monkeypatch.setattr(exporter, "published", lambda model, as_of, columns: found.get(model))
    drawn = pa.table({"subscriber_id": numbers[-2:], "do_not_contact_because": [FORMULAS[0]] * 2,
                      "control_group": [FORMULAS[0]] * 2})
    monkeypatch.setattr(exporter, "left_alone", lambda as_of: drawn)


@pytest.fixture
def exported(night: None) -> list[list[str]]:
    """Every cell of the extract."""
    with exporter.extract(NIGHT).open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


def test_F14_no_cell_of_the_extract_begins_as_a_formula(exported: list[list[str]]) -> None:
    header, *rows = exported
    assert len(rows) == len(FORMULAS)
    names = ("ltv_eur_12m", "ltv_low_eur_12m", "ltv_high_eur_12m", "margin_eur_month", "survival_12m")
    numeric = {header.index(name) for name in names}
    cells = [cell for row in rows for place, cell in enumerate(row) if place not in numeric]
    assert "'=1+1" in cells
    assert [cell for cell in [*header, *cells] if cell.startswith((*STARTS, "\t", "\r", "\n", *"＝＋－＠"))] == []
    for row in rows:  # what begins with a sign and has no apostrophe is a number
        assert all(float(row[place]) is not None for place in numeric)


def test_F14_the_apostrophe_is_all_that_is_added_to_a_text(exported: list[list[str]]) -> None:
    header, *rows = exported
    for name in ("operator", "region", "segment", "ltv_reason_1", "ltv_reason_2"):
        assert [row[header.index(name)] for row in rows] == [f"'{formula}" for formula in FORMULAS]


def test_F14_a_number_below_zero_stays_a_number(exported: list[list[str]]) -> None:
    header, *rows = exported
    assert {row[header.index("ltv_eur_12m")] for row in rows} == {"-12.5"}


def test_F14_the_same_holds_in_parquet_and_a_number_is_a_number_there(night: None) -> None:
    table = pq.read_table(exporter.extract(NIGHT).with_suffix(".parquet"), partitioning=None)
    texts = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
    assert {"operator", "region", "segment", "churn_reason_1", "ltv_reason_2", "control_group"} <= set(texts)
    cells = [cell for name in texts for cell in table[name].to_pylist() if cell is not None]
    assert [cell for cell in cells if cell.startswith((*STARTS, "\t", "\r", "\n", *"＝＋－＠"))] == []
    assert table["region"].to_pylist() == [f"'{formula}" for formula in FORMULAS]
    assert table["ltv_eur_12m"].to_pylist() == [-12.5] * len(FORMULAS)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_F14_a_list_to_call_from_too(night: None, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"list.{form}"
    done = CliRunner().invoke(app, ["extract", "--as-of", str(NIGHT), "--out", str(path)])
    assert done.exit_code == 0, done.output
    frame = pd.read_csv(path, dtype=str) if form == "csv" else pd.read_parquet(path)
    assert len(frame) == len(FORMULAS) - 2
    texts = frame[["operator", "region", "segment", "churn_reason_1", "churn_reason_2"]].to_numpy().ravel()
    assert all(text.startswith("'") for text in texts)
    numeric = ("ltv_eur_12m", "ltv_low_eur_12m", "ltv_high_eur_12m")
    others = frame.drop(columns=list(numeric)).astype(str).to_numpy().ravel()
    assert [cell for cell in others if cell.startswith((*STARTS, "\t", "\r", "\n", *"＝＋－＠"))] == []
