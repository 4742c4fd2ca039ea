"""Every command of README, typed in its order: ends well, and what README promises is there afterwards."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from readme import ELSEWHERE, Walk, written

pytestmark = pytest.mark.live


def test_every_line_was_typed_and_ended_well(walked: Walk) -> None:
    assert [line.text for line in walked.lines] == [line for line in written(walked.folder) if line not in ELSEWHERE]
    assert len(walked.lines) >= 20
    assert {line.text: f"exit {line.code}\n{line.said[-2000:]}" for line in walked.lines if line.code} == {}


def test_the_demo_ends_by_saying_where_to_look_and_it_is_there(walked: Walk) -> None:
    (demo,) = [line for line in walked.lines if line.text == "make demo"]
    for words in ("Champions", "Nights", "Why the likeliest tenth may leave", "look here first"):
        assert words in demo.said
    for place in ("reports/index.html", "reports/landing/index.html", "extracts/as_of=2026-08-31/scores.csv"):
        assert (walked.home / place).exists(), place


def test_the_first_score_looked_at_is_the_published_one(walked: Walk) -> None:
    """`telco lookup` of the likeliest of the list to call from."""
    (looked,) = [line for line in walked.lines if line.text.startswith("telco lookup")]
    scores = pq.read_table(walked.home / "extracts/as_of=2026-08-31/scores.parquet", partitioning=None).to_pylist()
    likeliest = max((row for row in scores if not row["do_not_contact"]), key=lambda row: row["churn_probability"])
    assert likeliest["subscriber_id"] in looked.said
    assert f"{likeliest['churn_probability']:.3f}" in looked.said


@pytest.mark.parametrize(("home", "night"), [("by-hand", "2026-08-29"), ("ibm", "2026-11-08")])
def test_a_home_made_by_hand_has_scored_its_night(walked: Walk, home: str, night: str) -> None:
    (scores,) = (walked.home / home / "scores" / "churn" / f"as_of={night}").rglob("data.parquet")
    assert pq.read_metadata(scores).num_rows > 500


def test_every_page_of_the_homes_forbids_scripts_but_evidentlys(walked: Walk) -> None:
    """Evidently's pages are scripts; the names in them are made harmless (S20)."""
    pages = [page for page in walked.home.rglob("*.html") if page.name != "report.html"]
    assert len(pages) > 20
    assert [str(page) for page in pages if "default-src 'none'" not in page.read_text(encoding="utf-8")] == []
