"""S22: nobody is told again from what leaves the house: no raw feature in an extract, no count of fewer than twenty."""

from __future__ import annotations

import pytest

from pipelines.governance.crowd import LEAST, crowds, told
from pipelines.models import SPECS
from pipelines.reasons.phrases import PHRASES
from pipelines.scoring.call_list import LISTED
from pipelines.scoring.dictionary import columns
from pipelines.scoring.table import schema

GROUPS = {"operator", "region", "segment"}  # what a list is cut by; the roster's own


def test_S22_no_feature_is_a_column_of_the_extract_but_the_segment() -> None:
    assert len(PHRASES) > 70  # every feature has one: tests/pipelines/reasons hold it
    assert {column.name for column in columns()} & set(PHRASES) == {"segment"}


def test_S22_every_column_is_a_score_a_reason_a_stamp_or_of_the_roster() -> None:
    of_scores = {f"{spec.name}_{name}" for spec in SPECS.values() for name in schema(spec).names}
    of_scores |= {name for spec in SPECS.values() for name in schema(spec).names}
    made_here = {"do_not_contact", "do_not_contact_because", "control_group",
                 *(f"{name}_version" for name in SPECS), *(f"{name}_band" for name in SPECS)}
    names = {column.name for column in columns()}
    assert names - of_scores - made_here - GROUPS == set()
    assert {column.name for column in LISTED} < names


def test_S22_no_scores_hold_a_feature() -> None:
    assert not {name for spec in SPECS.values() for name in schema(spec).names} & set(PHRASES)


@pytest.mark.parametrize(("count", "words"), [(0, "0"), (1, "fewer than 20"), (19, "fewer than 20"), (20, "20"),
                                              (1234, "1,234")])
def test_S22_a_count_of_a_few_is_told_as_few(count: int, words: str) -> None:
    assert told(count) == words


def test_S22_a_group_of_a_few_is_not_shown() -> None:
    assert crowds([("a", 19), ("b", 20), ("d", 30), ("c", 30)], most=2) == [("c", 30), ("d", 30)]


@pytest.mark.parametrize("model", SPECS)
def test_S22_a_model_card_tells_of_no_segment_of_a_few(model: str) -> None:
    assert SPECS[model].split.min_segment_rows >= LEAST
