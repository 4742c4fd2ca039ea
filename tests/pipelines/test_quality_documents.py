"""The pages of the checks: every reason and bound, no identifier, nothing unescaped, never in a landing's way."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
import time
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from pipelines import quality
from pipelines.landing.contract import BY_ID, FEEDS
from pipelines.quality import documents
from pipelines.settings import settings

DT = date(2026, 3, 10)
NIGHT = Path("landing") / "2026-03-11"
CANARY = 491_510_001_234
FRAMES = Path(__file__).parents[1] / "expectations" / "door_frames.py"


@pytest.fixture(scope="module")
def door() -> ModuleType:
    spec = importlib.util.spec_from_file_location("telco_door_frames", FRAMES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(door: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, quality.Findings]]:
    """Every feed checked, once for all tests; one with wrong rows, one rejected, one warned, one crashed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("home")))
        settings.cache_clear()
        found = _check(door)
    settings.cache_clear()
    return found


@pytest.fixture
def record(found: list[tuple[str, quality.Findings]]) -> quality.Record:
    record = quality.Record()
    for feed_id, findings in found:
        record.add(feed_id, DT, findings)
    return record


def _check(door: ModuleType) -> list[tuple[str, quality.Findings]]:
    found = []
    for feed in FEEDS:
        chunk, drop = door.chunk(feed.id), door.drops(feed.id)
        if feed.id == "network.usage_daily":
            chunk.loc[[3, 4], "data_kb"] = [-5, -4321]
            chunk["sms_count"] = CANARY
        if feed.id == "network.cells":
            drop = door.drops(feed.id, ratio=12.5)
        if feed.id == "network.number_events":
            chunk["event"] = pd.Categorical(["port_in"] * len(chunk))
            chunk.loc[0, "other_network"] = -1
        if feed.id == "care.interactions":
            chunk = chunk.drop(columns="wait_seconds")
        found.append((feed.id, quality.check_raw(feed, chunk, "EUR")))
        found.append((feed.id, quality.check_drop(feed, drop)))
    return found


def cells(page: str, feed_id: str) -> list[list[str]]:
    """The rows of a feed's table as texts."""
    section = page.partition(f'<details id="{feed_id}"')[2].partition("</details>")[0]
    rows = re.findall(r"<tr>(<td>.*?)</tr>", section)
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]


def test_every_check_of_every_feed_is_on_the_page_with_its_reason_and_its_bound(
    record: quality.Record, tmp_path: Path
) -> None:
    (path,) = quality.document(record, tmp_path)
    assert path == tmp_path / NIGHT / "index.html"
    page = path.read_text(encoding="utf-8")
    for checked in record.drops:
        shown = cells(page, checked.feed)
        assert len(shown) == len(checked.checks) > 5, checked.feed
        assert all(must for _, _, _, must, _ in shown), checked.feed
        assert f'href="#{checked.feed}"' in page
    assert len(record.drops) == len(FEEDS)


def test_the_page_says_what_was_found_worst_first(record: quality.Record, tmp_path: Path) -> None:
    page = quality.document(record, tmp_path)[0].read_text(encoding="utf-8")
    sms, data, *_ = cells(page, "network.usage_daily")
    if "data_kb" in sms[2]:
        sms, data = data, sms
    assert data[0] == "rows wait"
    assert data[3].startswith("data_kb values must be greater than or equal to 0")
    assert data[4] == "2 rows of 50 (4.00%); about -4300 to -5"
    stopped, flagged, *_ = cells(page, "network.cells")
    assert (stopped[0], flagged[0]) == ("stops the file", "warned")
    assert stopped[4] == "12.5"
    assert "volume_confirmed" in stopped[2]
    assert cells(page, "network.number_events")[0][0] == "warned"
    assert cells(page, "care.interactions")[0][::4] == ["crashed", "nothing is known"]
    assert {row[0] for row in cells(page, "billing_alpha.payments")} == {"passed"}


def test_no_identifier_and_no_text_of_a_row_is_written(record: quality.Record, tmp_path: Path) -> None:
    spoilt = pd.DataFrame({"_drop": [0, 0], "msisdn": [CANARY, CANARY], "channel": ["Ada Lovelace", "+491510001234"]})
    from expectations.checks import between, common
    from pipelines.quality import engine
    from pipelines.quality.facts import raw_facts

    feed = BY_ID["care.interactions"]
    suite = [between("msisdn", 0, 1, "msisdn is not a code"),
             *(check for check in common(raw_facts(feed)) if getattr(check, "column", "") == "channel")]
    findings = engine.validate("spoilt", suite, spoilt, quality.checks.measures(feed))
    assert len(findings.rows) == 2
    record.add(feed.id, DT, findings)
    record.note(feed.id, DT, "rejected: unexpected column +49 151 0001234",
                [("unexpected column 491510001234", 3)])
    quality.document(record, tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > len(FEEDS)
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "Lovelace" not in text
        assert "1510001234" not in re.sub(r"[\s.,]", "", text), path
    assert "a long number" in (tmp_path / NIGHT / "index.html").read_text(encoding="utf-8")


def test_markup_in_what_a_sender_wrote_is_escaped_and_nothing_is_loaded_from_elsewhere(
    record: quality.Record, tmp_path: Path
) -> None:
    record.note("billing_bravo.plans", DT, "<script>alert('tariff')</script>", [('column "<img src=x>" is new', 1)])
    page = quality.document(record, tmp_path)[0].read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(&#x27;tariff&#x27;)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)


def test_chunks_of_a_drop_add_up_and_drops_of_a_batch_stay_apart(home: Path, door: ModuleType) -> None:
    feed = BY_ID["billing_alpha.payments"]
    chunk = door.chunk(feed.id, 10)
    chunk["_drop"] = np.repeat([0, 1], 5)
    chunk.loc[[1, 7, 8], "amount_cents"] = [-3, -100, -7]
    record = quality.Record()
    for _ in range(2):
        findings = quality.check_raw(feed, chunk, "EUR")
        record.add(feed.id, DT, findings, 0)
        record.add(feed.id, DT - timedelta(days=1), findings, 1)
    earlier, later = record.drops
    assert (earlier.rows, later.rows) == (10, 10)
    bad = [next(c for c in checked.checks.values() if c.state == "failed") for checked in (earlier, later)]
    assert [(c.bad, c.low, c.high) for c in bad] == [(4, -100.0, -7.0), (2, -3.0, -3.0)]
    assert sum(c.state == "failed" for c in later.checks.values()) == 1


def test_a_night_landed_in_several_runs_has_one_whole_page_and_the_index_counts_it(
    home: Path, door: ModuleType, tmp_path: Path
) -> None:
    for feed_id, ratio in (("network.cells", 1.0), ("billing_alpha.invoices", 0.01), ("network.cells", 3.0)):
        record = quality.Record()
        record.add(feed_id, DT, quality.check_drop(BY_ID[feed_id], door.drops(feed_id, ratio=ratio)))
        quality.document(record, tmp_path)
    page = (tmp_path / NIGHT / "index.html").read_text(encoding="utf-8")
    assert cells(page, "billing_alpha.invoices")[0][0] == "stops the file"
    assert cells(page, "network.cells")[0][0] == "warned"
    nights = json.loads((tmp_path / "landing" / "nights.json").read_text())
    assert nights["2026-03-11"] | {"passed": 0} == {
        "feeds": 2, "crashed": 0, "stops": 1, "waits": 0, "warned": 2, "passed": 0}
    assert 'href="2026-03-11/index.html"' in (tmp_path / "landing" / "index.html").read_text()


def test_the_same_findings_give_the_same_bytes(record: quality.Record, tmp_path: Path) -> None:
    first = quality.document(record, tmp_path)[0].read_bytes()
    assert quality.document(record, tmp_path)[0].read_bytes() == first


def test_a_report_that_cannot_be_written_is_a_warning_and_not_a_failed_landing(
    record: quality.Record, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "landing").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert quality.document(record, tmp_path) == []
    assert "not documented" in caplog.text


def test_a_damaged_file_of_an_earlier_run_does_not_stop_the_page(record: quality.Record, tmp_path: Path) -> None:
    (path,) = quality.document(record, tmp_path)
    path.with_name("network.old.json").write_text('{"feed": "netw')
    assert quality.document(record, tmp_path) == [path]


def test_a_run_that_checked_nothing_writes_nothing(tmp_path: Path) -> None:
    assert quality.document(quality.Record(), tmp_path) == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("killed", [
    "index.html", "nights.json", "{night}/index.html", "{night}/care.interactions.json",
])
def test_what_a_killed_run_left_is_removed_and_its_pages_made_by_the_next_run_whatever_that_checked(
    record: quality.Record, tmp_path: Path, killed: str
) -> None:
    quality.document(record, tmp_path)
    folder = tmp_path / "landing"
    whole = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    page = folder / killed.format(night=DT + timedelta(days=1))
    page.with_name(f".{page.name}.tmp").write_text("half")
    if page.suffix == ".html":
        page.unlink()
    quality.document(quality.Record(), tmp_path)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == whole


def test_a_page_of_every_feed_costs_less_than_a_second(record: quality.Record, tmp_path: Path) -> None:
    start = time.process_time()
    documents.document(record, tmp_path)
    assert time.process_time() - start < 1.0
