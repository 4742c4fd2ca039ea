"""docs/reference/expectations.md is made from the suites and is current."""

from __future__ import annotations

from pathlib import Path

from pipelines.landing.contract import FEEDS
from pipelines.quality import reference


def test_the_page_of_the_checks_is_current() -> None:
    assert reference.main(["--check"]) == 0, "run: python -m pipelines.quality.reference"


def test_the_page_names_every_feed_and_a_changed_table_is_noticed(tmp_path: Path) -> None:
    text = reference.PAGE.read_text(encoding="utf-8")
    assert all(f"### {feed.id}\n" in text for feed in FEEDS)
    copy = tmp_path / "page.md"
    copy.write_text(text.replace("ended\\_on is empty", "ended\\_on is fine"), encoding="utf-8")
    assert reference.main(["--check"], copy) == 1
    assert reference.main([], copy) == 0
    assert copy.read_text(encoding="utf-8") == text
