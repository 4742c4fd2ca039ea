"""Every page that people follow by hand is done by a test, and its edits still fit the files they edit."""

from __future__ import annotations

import shutil
from pathlib import Path

import cookbook
import pytest

ROOT = cookbook.ROOT
BOOKS = ROOT / "docs" / "cookbooks"
DONE_BY = {
    "add_a_model": "tests/docs/test_add_a_model.py",
    "data_engineer": "tests/dbt/test_a_data_engineers_day.py",
    "read_a_refusal": "tests/pipelines/promotion/test_cookbooks.py",
    "roll_back": "tests/pipelines/promotion/test_cookbooks.py",
}


@pytest.mark.parametrize("page", sorted(path.stem for path in BOOKS.glob("*.md")))
def test_a_cookbook_is_done_by_a_test(page: str) -> None:
    test = ROOT / DONE_BY.get(page, "tests/live/test_cookbooks.py")
    assert f"{page}.md" in test.read_text(encoding="utf-8")


def test_the_edits_of_a_new_feature_fit_the_files_of_today(tmp_path: Path) -> None:
    edits = [block for block in cookbook.blocks(BOOKS / "add_a_feature.md") if block.place]
    assert len(edits) >= 10
    for block in edits:
        if block.place != "New file" and not (tmp_path / block.path).exists():
            (tmp_path / block.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / block.path, tmp_path / block.path)
        cookbook.put(block, tmp_path)
    made = (tmp_path / "feature_repo/feature_services.py").read_text(encoding="utf-8")
    assert 'name="churn_v3"' in made


def test_a_line_that_was_not_printed_is_found_and_numbers_do_not_count() -> None:
    printed = "rows   | 1,763\nversion | 1\nsub_00ab | 0.5"
    assert cookbook.not_printed("rows | 12\n...\nsub_1f2e... | 0.7", printed) == ""
    assert cookbook.not_printed("version | 1\nrows | 1,763", printed) == "rows | 1,763"
    assert cookbook.not_printed("columns | 3", printed) == "columns | 3"
