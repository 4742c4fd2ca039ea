"""F02: one of three sources does not come: the night is held, and the message says which and of which day."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import channels, landing
from pipelines.landing import deadline, raw
from pipelines.landing.senders import feed as sent_feed

FEEDS = ("billing_alpha.invoices", "network.usage_daily", "care.interactions")


def entries(feed_id: str) -> list[tuple[str, ...]]:
    return list(raw.dataset(sent_feed(feed_id)).entries())


@pytest.mark.parametrize("missing", FEEDS)
def test_F02_a_missing_source_ends_in_exit_code_3_and_the_message_names_source_and_day(
    home: Path, drops: ModuleType, telco: Callable[..., tuple[int, str, str]], missing: str
) -> None:
    drops.estate(*FEEDS)
    for feed_id in FEEDS:
        if feed_id != missing:
            drops.drop(feed_id)
    code, _, said = telco("land", "--as-of", str(drops.AS_OF))
    assert code == 3
    assert f"{missing} dt={drops.DT}" in said
    assert "nothing was delivered" in said
    assert "next: deliver the file" in said
    assert not [other for other in FEEDS if other != missing and f"{other} dt=" in said]
    assert {feed_id: entries(feed_id) for feed_id in FEEDS} == {
        feed_id: [] if feed_id == missing else [(str(drops.DT),)] for feed_id in FEEDS
    }
    assert not drops.raw_path(missing).exists()


def test_F02_the_night_goes_on_when_the_source_comes_and_the_others_are_not_landed_again(
    home: Path, drops: ModuleType, telco: Callable[..., tuple[int, str, str]]
) -> None:
    drops.estate(*FEEDS)
    for feed_id in FEEDS[:2]:
        drops.drop(feed_id)
    assert telco("land", "--as-of", str(drops.AS_OF))[0] == 3
    drops.drop(FEEDS[2])
    code, said, _ = telco("land", "--as-of", str(drops.AS_OF), "--json", "--quiet")
    assert code == 0
    assert [one["state"] for one in json.loads(said)] == ["duplicate", "duplicate", "published"]


def test_F02_all_feeds_of_a_missing_source_are_named_at_once(
    home: Path, drops: ModuleType, telco: Callable[..., tuple[int, str, str]]
) -> None:
    drops.estate(*drops.FEED_IDS)
    drops.drop_all()
    gone = [feed_id for feed_id in drops.FEED_IDS if feed_id.startswith("billing_bravo.")]
    for feed_id in gone:
        path = drops.drop(feed_id)
        path.with_name(path.name + ".ctl").unlink()
        path.unlink()
    code, _, said = telco("land", "--as-of", str(drops.AS_OF), "--source", "billing_bravo")
    assert code == 3
    assert len(gone) == 4
    assert all(f"{feed_id} dt={drops.DT}" in said for feed_id in gone)
    assert landing.missing(drops.AS_OF, window_days=1).keys() >= set(gone)


def test_F02_who_hears_of_it_hears_every_feed_and_the_day_in_one_message(
    home: Path, drops: ModuleType, telco: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(channels, "configured", lambda: {"mail": lambda name, text: sent.append(text)})
    drops.estate(*FEEDS)
    drops.drop(FEEDS[0])
    before = entries(FEEDS[0])
    assert telco("land", "--as-of", str(drops.AS_OF), "--source", "network")[0] == 3
    assert sent == []  # a person who lands reads the answer
    late = deadline.due(FEEDS[1], drops.DT)
    for _ in range(2):
        deadline.tell_late(drops.AS_OF, late)
    (text,) = sent
    assert [line.partition(" was due")[0] for line in text.splitlines()] == [f"{feed_id} dt={drops.DT}"
                                                                            for feed_id in FEEDS[1:]]
    assert f"telco land --as-of {drops.AS_OF} --absent FEED" in text
    assert [entries(feed_id) for feed_id in FEEDS] == [before, [], []]
