"""The data dictionary says what the contract says: every column of the extract, in its order."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pipelines.scoring.dictionary import columns

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "site" / "data_dictionary.py"


def test_the_page_is_up_to_date_and_has_every_column() -> None:
    spec = importlib.util.spec_from_file_location("telco_data_dictionary", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text(encoding="utf-8")
    assert page == module.page(), "run: python docs/site/data_dictionary.py"
    assert len(columns()) > 40
    assert len({column.name for column in columns()}) == len(columns())
    assert all(column.says for column in columns())
