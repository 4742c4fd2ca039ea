"""The front page: what it says of a home, what its links lead to, and how it looks in a browser."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from pipelines import night, site
from pipelines.cli.app import app
from pipelines.errors import Held
from pipelines.settings import settings
from pipelines.site.nights import State
from pipelines.site.pictures import lift, reliability
from pipelines.status import newest_day

LAST = date(2026, 3, 3)


class Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attributes:
            if name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "srcset", "href", "action", "data") and not (value or "").startswith("data:"):
                self.loads.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.handlers.append(name)


def test_the_page_tells_of_the_newest_night_the_champion_and_what_was_refused(stood: Path) -> None:
    told = site.page()
    assert (told.as_of, told.state) == (LAST, State.OK)
    assert [str(night.seen.as_of) for night in told.nights] == ["2026-03-03", "2026-03-02", "2026-03-01"]
    churn = told.models[0]
    assert churn.champion is not None
    assert (churn.champion.version, churn.champion.age_days) == (1, 11)
    assert [figure.value for figure in churn.champion.figures] == ["0.710", "2.4×", "41%", "unknown"]
    assert [one.tone for one in churn.watched] == ["ok", "alarm", "ok"]
    assert [(one.version, one.state) for one in churn.versions] == [(2, "refused"), (1, "champion")]
    assert [model.name for model in told.models if model.champion is None] == ["ltv", "upgrade"]


@pytest.mark.mlts("O4")
def test_time_is_an_argument_scores_expire_by_the_day_that_is_given(stood: Path) -> None:
    expiry = LAST + timedelta(days=3)
    assert site.page(expiry - timedelta(days=1)).models[0].serving is State.OK
    told = site.page(expiry)
    assert (told.state, told.models[0].serving) == (State.STALE, State.STALE)
    assert told.models[0].until == "2026-03-06"
    assert site.page(LAST - timedelta(days=1)).nights[0].seen.as_of == LAST - timedelta(days=1)
    assert site.render(told) == site.render(site.page(expiry))


def test_a_night_the_door_refused_is_held_in_the_doors_words_and_the_next_step_names_it(
    stood: Path, planted: ModuleType
) -> None:
    planted.refuse_night(LAST + timedelta(days=1))
    told = site.page(LAST + timedelta(days=1))
    assert told.nights[0].state is State.HELD
    assert told.nights[0].why[0].startswith("billing_alpha.invoices rejected: plan ")
    assert told.next_step == "telco night --as-of 2026-03-04"


def test_a_theme_of_fewer_than_twenty_subscribers_is_not_told(stood: Path) -> None:
    assert [(reason.theme, reason.count) for reason in site.page().reasons] == [("contract", 25)]


def test_every_link_leads_to_something_and_nothing_is_loaded(stood: Path) -> None:
    page = site.write()
    found = Parsed(page.read_text(encoding="utf-8"))
    assert len([link for link in found.links if not link.startswith("#")]) >= 8
    here = [link for link in found.links if not urlsplit(link).scheme and not link.startswith("#")]
    assert [link for link in here if not (page.parent / link).resolve().exists()] == []
    ids = set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))
    assert {link[1:] for link in found.links if link.startswith("#")} <= ids
    assert (found.loads, found.handlers, found.tags["script"]) == ([], [], 0)


def test_servers_are_linked_where_they_are_and_no_password_goes_into_the_page(
    stood: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ada:geheim@registry.example:5000/x")
    settings.cache_clear()
    (settings().airflow).mkdir()
    (settings().airflow / "ports.json").write_text('{"api": 8099}')
    text = site.render(site.page())
    assert 'href="http://127.0.0.1:8099"' in text
    assert 'href="https://registry.example:5000"' in text
    assert "geheim" not in text


def test_an_empty_home_says_how_to_begin(home: Path) -> None:
    assert newest_day() is None
    assert "telco demo" in site.write().read_text(encoding="utf-8")


def test_damaged_files_are_shown_as_unknown(stood: Path) -> None:
    for path in stood.rglob("verdict.json"):
        path.write_text("{", encoding="utf-8")
    (stood / "models/churn/v1/evaluation.json").unlink()
    told = site.page().models[0]
    assert {one.tone for one in told.watched} == {"unknown"}
    assert told.champion is not None
    assert (told.champion.figures, told.champion.lift, told.champion.reliability) == ((), None, None)
    site.write()


def test_a_page_that_cannot_be_written_is_a_warning_and_the_old_one_stands(
    stood: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page = site.write()
    before = page.read_bytes()
    (stood / "champions/churn.jsonl").write_text("{}\n", encoding="utf-8")
    assert site.try_write() is None
    assert "the front page was not written: IntegrityError" in caplog.text
    assert page.read_bytes() == before
    assert list(page.parent.glob(".*.tmp")) == []


def test_a_night_writes_the_page_whether_it_ends_well_or_is_held(
    stood: Path, planted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(as_of: date, report: object) -> night.Night:
        planted.refuse_night(as_of)
        raise Held("billing_alpha.invoices", ["cut"])

    page, tomorrow = stood / "reports/index.html", LAST + timedelta(days=1)
    monkeypatch.setattr(night, "_steps", lambda as_of, report: night.Night(as_of))
    assert night.night(LAST).as_of == LAST
    assert str(tomorrow) not in page.read_text(encoding="utf-8")
    monkeypatch.setattr(night, "_steps", held)
    with pytest.raises(Held, match="cut"):
        night.night(tomorrow)
    assert f"telco night --as-of {tomorrow}" in page.read_text(encoding="utf-8")


def test_the_command_writes_the_page_of_a_day_and_says_where(stood: Path) -> None:
    done = CliRunner().invoke(app, ["site", "--as-of", "2026-03-08"])
    assert (done.exit_code, done.stdout.strip()) == (0, str(stood / "reports/index.html"))
    assert "stale" in (stood / "reports/index.html").read_text(encoding="utf-8")


def test_pictures_stay_inside_their_frame_and_draw_nothing_of_nothing() -> None:
    rows = [{"n": 10.0, "predicted": value, "observed": value * 3} for value in (0.001, 0.02, 0.4)]
    drawn, believed = lift(rows), reliability(rows, percent=True)
    assert drawn is not None
    assert believed is not None
    assert [bar.label for bar in drawn.bars] == ["2.9", "0.1", "0.0"]
    assert all(0 <= x <= 320 and 0 <= y <= 190 for x, y in believed.points)
    assert lift([]) is lift([{"n": 10.0, "predicted": 0.1, "observed": 0.0}]) is reliability([], percent=True) is None


def test_it_looks_right_in_a_browser_on_a_desk_and_on_a_phone(
    stood: Path, planted: ModuleType, browser: ModuleType
) -> None:
    planted.refuse_night(LAST + timedelta(days=1))
    page = site.write(LAST + timedelta(days=1))
    with browser.chromium() as devtools:
        for width, dark in ((1280, False), (390, True)):
            seen = browser.look(devtools, page, width=width, dark=dark)
            assert seen.logged == ()
            assert seen.scroll_width <= width
            assert "champion from 2026-03-01" in seen.text
            assert "<script>document.title='pwned'</script>" in seen.text
            assert seen.picture.startswith(b"\x89PNG")
    shutil.rmtree(page.parent)
