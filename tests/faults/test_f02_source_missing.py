"""F02: of three sources one does not deliver; the night is held by name, and nothing is written down for that day."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import cli
from pipelines.landing import raw
from pipelines.landing.senders import feed as sent_feed

FEEDS = ("billing_alpha.invoices", "network.usage_daily", "care.interactions")


def telco(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of the command line, run here and not in a process of its own."""
    monkeypatch.setattr("sys.argv", ["telco", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def journal(feed_id: str) -> str:
    path = raw.dataset(sent_feed(feed_id)).manifest
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("lost", FEEDS)
def test_F02_a_source_that_is_missing_holds_the_night_and_gets_no_line_in_its_manifest(
    home: Path, drops: ModuleType, lost: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drops.estate(*FEEDS)
    delivered = {feed_id: drops.drop(feed_id) for feed_id in FEEDS}
    shutil.rmtree(delivered[lost].parent)
    assert telco(monkeypatch, "land", "--as-of", "2026-03-11") == 3
    said = capsys.readouterr().err
    assert f"{lost} dt=2026-03-10" in said
    assert "nothing was delivered" in said
    assert "declare the day absent" in said
    assert not any(f"{feed_id} dt=2026-03-10: held" in said for feed_id in FEEDS if feed_id != lost)
    assert journal(lost) == ""
    assert not drops.raw_path(lost).exists()


def test_F02_the_others_landed_once_and_the_late_source_completes_the_night(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops.estate(*FEEDS)
    for feed_id in FEEDS[1:]:
        drops.drop(feed_id)
    assert telco(monkeypatch, "land", "--as-of", "2026-03-11") == 3
    before = {feed_id: journal(feed_id) for feed_id in FEEDS[1:]}
    assert telco(monkeypatch, "land", "--as-of", "2026-03-11") == 3
    drops.drop(FEEDS[0])
    assert telco(monkeypatch, "land", "--as-of", "2026-03-11") == 0
    assert {feed_id: journal(feed_id) for feed_id in FEEDS[1:]} == before
    assert journal(FEEDS[0]).count('"committed"') == 1


def test_F02_the_warehouse_is_not_built_over_the_hole(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drops, "HISTORY_START", date(2026, 3, 10))
    drops.estate(*FEEDS)
    for feed_id in FEEDS[1:]:
        drops.drop(feed_id)
    assert telco(monkeypatch, "land", "--as-of", "2026-03-11") == 3
    capsys.readouterr()
    assert telco(monkeypatch, "unify", "--as-of", "2026-03-11") == 3
    assert f"{FEEDS[0]}: no drop of 2026-03-10" in capsys.readouterr().err
    assert not list(home.glob("features/**/manifest.jsonl"))
