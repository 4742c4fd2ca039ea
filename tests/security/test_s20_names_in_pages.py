"""S20: a plan, a region or a feed named `<script>` stays text in every page we write, Evidently's included."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from pipelines import site
from pipelines.clock import DAY
from pipelines.errors import TelcoError
from pipelines.governance.erasure import proof
from pipelines.models import SPECS
from pipelines.monitoring import comparison, trend
from pipelines.monitoring.defused import defuse
from pipelines.monitoring.measure import Family, Status
from pipelines.quality import pages
from pipelines.settings import settings
from pipelines.training.card import card, page

HOME = Path(__file__).parents[1] / "pipelines" / "site" / "planted.py"
HARMLESS = "a plain name"
NIGHT = date(2026, 3, 1)


class Parsed(HTMLParser):
    """What a browser would make of a page: its tags, what they fetch, and what they would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.active: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.active += [f"{tag} {name}={value}" for name, value in attributes
                        if name.startswith("on") or name == "src" or "javascript:" in (value or "")]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def planted() -> ModuleType:
    spec = importlib.util.spec_from_file_location("telco_planted", HOME)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(home: Path, planted: ModuleType) -> Iterator[Path]:
    planted.stand()
    yield home
    settings.cache_clear()


def test_S20_the_front_page_shows_planted_names_as_words(home: Path, planted: ModuleType) -> None:
    planted.refuse_night(planted.NIGHTS[-1] + DAY)
    found = Parsed(site.write().read_text(encoding="utf-8"))
    assert (found.tags["script"], found.tags["img"], found.tags["title"], found.active) == (0, 0, 1, [])
    for said in ("new category", "the slice plan=", "rejected: plan", "first "):
        assert f"{said}{'' if said.endswith((' ', '=')) else ' '}{planted.PLANTED}" in found.words, said


def test_S20_the_pages_of_the_checks_too(planted: ModuleType) -> None:
    name = planted.PLANTED
    check = {"scope": "rows", "severity": "quarantine", "reason": name, "bound": name, "state": "failed", "bad": 2,
             "low": None, "high": None, "observed": name}
    feed = {"feed": name, "dt": name, "rows": 3, "verdict": name, "form": [[name, 1]], "checks": [check]}
    for text in (pages.night(NIGHT, [feed]), pages.nights({name: {"feeds": 1}})):
        found = Parsed(text)
        assert (found.tags["script"], found.tags["img"], found.tags["title"], found.active) == (0, 0, 1, [])
        assert name in found.words


def test_S20_the_page_of_a_models_nights_too(planted: ModuleType) -> None:
    name = planted.PLANTED
    rows = [{"as_of": NIGHT, "family": Family.INPUT.value, "name": name, "subject": name, "value": 1.0, "bound": 0.5,
             "detail": name, "status": Status.ALARM.value}]
    nights = [trend.Night(NIGHT.isoformat(), "population_shift", "retrain", (f"plan_code: new category {name}",), "")]
    found = Parsed(trend.render("churn", nights, rows))
    assert (found.tags["script"], found.tags["img"], found.tags["title"], found.active) == (0, 0, 1, [])
    assert found.words.count(name) >= 4


def test_S20_the_proof_of_an_erasure_too(planted: ModuleType) -> None:
    text = proof.page(f"found in {planted.PLANTED}")
    found = Parsed(text)
    assert "default-src 'none'" in text
    assert (found.tags["script"], found.tags["img"], found.tags["title"], found.active) == (0, 0, 1, [])
    assert planted.PLANTED in found.words


def test_S20_a_model_card_makes_no_tag_no_link_and_no_picture_of_a_segment(planted: ModuleType) -> None:
    facts = {"version": 1, "trained_as_of": "2026-02-20", "rows": 9, "positives": 1, "cutoffs": [planted.PLANTED],
             "columns": ["a"], "calibrator": {"kind": "identity"}, "frame_digest": "f", "spec_digest": "5"}
    spec, told = SPECS["churn"], planted.evaluation()
    found = Parsed(page(spec, card(spec, facts, told, planted.verdict(passed=False)), told))
    assert (found.tags["script"], found.tags["img"], found.tags["a"], found.tags["title"]) == (0, 0, 0, 1)
    assert found.active == []
    assert planted.PLANTED in found.words
    assert "![x](http://example.com/x.png)" in found.words


def test_S20_evidentlys_page_has_the_same_tags_whatever_a_plan_is_called(tmp_path: Path, planted: ModuleType) -> None:
    """Evidently writes categories into its scripts as JSON, in which `</script>` ends the script and begins another."""
    found = {}
    for number, name in enumerate((HARMLESS, planted.PLANTED)):
        draw = np.random.default_rng(1)
        before, now = (pd.DataFrame({"plan_code": draw.choice([name, "other"], 300)}) for _ in range(2))
        comparison.measure(before, now, ["plan_code"], tmp_path / f"{number}.html")
        text = (tmp_path / f"{number}.html").read_text(encoding="utf-8")
        found[name] = Parsed(text)
        assert name.replace("<", "\\u003c") in text  # the page does tell of it
    assert found[planted.PLANTED].tags == found[HARMLESS].tags
    assert found[planted.PLANTED].active == found[HARMLESS].active


def test_S20_a_page_of_evidently_that_cannot_be_made_harmless_is_not_kept(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("<script>const data = {}</script>", encoding="utf-8")
    with pytest.raises(TelcoError, match="has 0 lines of data"):
        defuse(page)
    assert not page.exists()
