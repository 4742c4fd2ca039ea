"""Every measure in one table, and a page that shows it: whole or not at all, nothing loaded, nothing unescaped."""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.monitoring import history, trend
from pipelines.monitoring.measure import Family, Measure
from pipelines.publish import write_json

FIRST = date(2026, 9, 1)
SCRIPT = "plan_code=<script>alert(1)</script>"
MEASURES = [
    Measure(Family.INPUT, "psi", "price_eur", 0.31, 0.2, "moved"),
    Measure(Family.PEERS, "data_mb_7d", SCRIPT, 7.0, 6.0),
    Measure(Family.PERFORMANCE, "matured", "labels", None, None, "no label has matured"),
]


def night(as_of: date, cause: str = "population_shift") -> None:
    history.keep("churn", as_of, 3, MEASURES)
    folder = history.folder("churn") / f"as_of={as_of}"
    write_json(folder / "verdict.json", {"as_of": as_of.isoformat(), "cause": cause, "action": "flag",
                                         "reasons": [f"{SCRIPT}: data_mb_7d 7, bound 6"]})
    (folder / "report.html").write_text("<html></html>")


def test_all_nights_are_one_table_and_a_night_again_takes_its_own_place(home: Path) -> None:
    assert len(history.read()) == 0
    for off in (2, 0, 1, 0):
        history.keep("churn", FIRST + timedelta(days=off), 3, MEASURES)
    history.keep("ltv", FIRST, 1, MEASURES[:1])
    whole = history.read()
    assert len(whole) == 3 * len(MEASURES) + 1
    keys = [tuple(row[name] for name in history.KEYS) for row in whole.to_pylist()]
    assert keys == sorted(set(keys), key=keys.index)
    assert len(history.read("ltv")) == 1
    told = {row["subject"]: row["status"] for row in history.read("churn").to_pylist()}
    assert told == {"price_eur": "alarm", SCRIPT: "alarm", "labels": "unknown"}


def test_a_write_that_breaks_leaves_the_night_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = history.keep("churn", FIRST, 3, MEASURES)
    before = path.read_bytes()

    def refuse(*arguments: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        history.keep("churn", FIRST, 3, MEASURES[:1])
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["measures.parquet"]


def test_the_page_escapes_what_the_data_says_and_loads_nothing(home: Path) -> None:
    for off in range(3):
        night(FIRST + timedelta(days=off))
    page = trend.write("churn").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "default-src 'none'" in page
    assert 'href="as_of=2026-09-02/report.html"' in page
    assert page.count("<svg") == len(MEASURES)
    assert "color-scheme: light dark" in page


def test_the_page_has_every_verdict_in_order_and_says_so_where_there_is_none(home: Path) -> None:
    assert "No night has been watched yet" in trend.write("churn").read_text()
    for off, cause in enumerate(("quiet", "season", "broken_feed")):
        night(FIRST + timedelta(days=off), cause)
    nights = trend.read_nights("churn")
    assert [each.cause for each in nights] == ["quiet", "season", "broken_feed"]
    page = trend.write("churn").read_text()
    strip = re.findall(r'<a class="(\w+)" href="as_of', page)
    assert strip == ["quiet", "season", "broken_feed"]
