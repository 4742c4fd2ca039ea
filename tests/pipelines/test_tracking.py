"""Aliases follow the champion log; one that somebody moved is told, once for each move, and moved back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import notices, tracking

NAME = "telco_churn"
WANTED = {"champion": 2, "previous": 1}


@pytest.fixture(autouse=True)
def three(home: Path, give_registry: Callable[[Path], None]) -> None:
    give_registry(home)
    for number in (1, 2, 3):
        tracking.register(NAME, {"identity": str(number)})


def stands(alias: str) -> int | None:
    holder = tracking.version_by_alias(NAME, alias)
    return holder.version if holder else None


def told() -> list[str]:
    return [json.loads(path.read_text())["text"] for path in sorted(notices.directory().glob("*"))]


def by_hand(alias: str, version: int | None) -> None:
    client = tracking._client()
    if version is None:
        client.delete_registered_model_alias(NAME, alias)
    else:
        client.set_registered_model_alias(NAME, alias, str(version))


def test_aliases_are_put_where_the_log_says_and_that_is_no_news() -> None:
    assert tracking.reconcile(NAME, WANTED) == []
    assert (stands("champion"), stands("previous")) == (2, 1)
    assert tracking.reconcile(NAME, {"champion": 3, "previous": 2}) == []  # promoted: the log moved, we follow
    assert (stands("champion"), stands("previous")) == (3, 2)
    assert told() == []


@pytest.mark.parametrize("version", [3, 1, None])
def test_an_alias_moved_by_hand_is_told_and_moved_back(version: int | None) -> None:
    tracking.reconcile(NAME, WANTED)
    for time in (1, 2):
        by_hand("champion", version)
        [sentence] = tracking.reconcile(NAME, WANTED)
        assert "the champion log says v2, which decides: moved back" in sentence
        assert stands("champion") == 2
        assert len(told()) == time
    assert tracking.reconcile(NAME, WANTED) == []


def test_an_alias_our_own_commands_moved_is_no_news() -> None:
    tracking.set_alias(NAME, "champion", 1)
    assert tracking.reconcile(NAME, WANTED) == []
    tracking.drop_alias(NAME, "champion")
    tracking.drop_alias(NAME, "champion")
    assert tracking.reconcile(NAME, WANTED) == []
    assert stands("champion") == 2
    assert told() == []


def test_a_kill_between_alias_and_note_is_no_news() -> None:
    tracking.reconcile(NAME, WANTED)
    by_hand("champion", 3)  # as far as a promotion to v3 comes when it is killed there
    assert tracking.reconcile(NAME, {"champion": 3, "previous": 2}) == []
    assert stands("champion") == 3


def test_a_champion_deleted_from_the_registry_is_told_once_and_the_other_alias_is_still_mended() -> None:
    tracking.reconcile(NAME, WANTED)
    tracking._client().delete_model_version(NAME, "2")
    by_hand("previous", 3)
    for _ in range(2):
        sentences = tracking.reconcile(NAME, WANTED)
        assert "the registry has no such version any more" in sentences[0]
    assert stands("previous") == 1
    assert len([text for text in told() if "no such version" in text]) == 1


def test_a_registry_that_was_reset_is_followed_by_a_notice_and_no_fault() -> None:
    sentences = tracking.reconcile("telco_ltv", {"champion": 4})
    assert "no such version any more" in sentences[0]
