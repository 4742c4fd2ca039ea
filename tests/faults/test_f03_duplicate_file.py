"""F03: the same file twice changes nothing and says so. F04: other content under the same name is a new version."""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import landing, quality
from pipelines.settings import settings

USAGE = "network.usage_daily"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_F03_the_same_file_twice_is_a_logged_duplicate_and_no_byte_changes(
    home: Path, drops: ModuleType, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops.drop_all()
    landing.land(drops.AS_OF)
    before = everything(settings().home)

    def never(*_: object) -> None:
        raise AssertionError("a duplicate was read again")

    monkeypatch.setattr(quality, "check_raw", never)
    with caplog.at_level(logging.INFO, logger="pipelines.landing.door"):
        landed = landing.land(drops.AS_OF)
    assert {done.state for done in landed} == {"duplicate"}
    assert [done.rows for done in landed] == [len(drops.rows(done.feed)) for done in landed]
    assert f"duplicate {USAGE}" in caplog.text
    assert everything(settings().home) == before


def test_F04_new_content_under_the_same_name_adds_a_version_and_keeps_the_first(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    first = drops.raw(USAGE).to_pylist()
    drops.drop(USAGE, [{**row, "data_kb": 7} for row in drops.rows(USAGE)])
    landing.land(drops.AS_OF)
    both = drops.raw(USAGE).to_pylist()
    assert both[:3] == first
    assert [(row["drop_version"], row["data_kb"]) for row in both[3:]] == [(2, 7)] * 3
