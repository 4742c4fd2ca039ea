"""The page a stranger maps an extract with is what the door checks."""

from __future__ import annotations

import json
import re

import pytest

from pipelines.landing import reference
from pipelines.landing.contract import FEEDS
from pipelines.landing.control import _NEEDED, _OPTIONAL


def test_the_tables_of_the_page_are_current() -> None:
    text = reference.PAGE.read_text(encoding="utf-8")
    assert reference.page(text) == text, "run: python -m pipelines.landing.reference"


def test_the_tables_name_every_column_of_every_feed() -> None:
    text = reference.tables()
    for feed in FEEDS:
        section = text.split(f"### {feed.id}\n")[1].split("###")[0]
        assert re.findall(r"^\| `([^`]+)` \|", section, re.M) == [column.name for column in feed.columns]


def test_the_page_explains_every_key_of_a_control_file_and_its_example_has_them() -> None:
    text = reference.PAGE.read_text(encoding="utf-8")
    explained = text.split("| key | meaning |")[1].split("\n\n")[0]
    for key in (*_NEEDED, *_OPTIONAL):
        assert f"`{key}`" in explained, key
    example = text.split("```json")[1].split("```")[0]
    assert set(json.loads(example)) == set(_NEEDED)


def test_a_page_without_its_marks_is_an_error_and_never_overwritten() -> None:
    with pytest.raises(ValueError, match="lacks the lines"):
        reference.page("# no marks")
