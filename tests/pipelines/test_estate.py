"""The estate file is typed: what it says is checked, and what it does not know is an error that names it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.estate import load
from pipelines.landing.contract import FEEDS
from pipelines.settings import PROJECT

TEXT = (PROJECT / "estate.toml").read_text(encoding="utf-8")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "estate.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_estate_of_the_repository_is_valid_and_expects_every_feed_of_the_contract() -> None:
    facts = load(PROJECT / "estate.toml")
    assert facts.delivered() == [feed.id for feed in FEEDS]
    assert facts.delivered("network") == ["network.usage_daily", "network.cells", "network.number_events"]
    assert facts.sources[:2] == ("billing_alpha", "billing_bravo")
    assert (facts.training_start - facts.history_start).days == 90


def test_a_rate_counts_from_its_day_until_a_later_one(tmp_path: Path) -> None:
    later = '\n[[exchange_rates]]\ncurrency = "GBP"\nvalid_from = 2026-02-01\nrate = 1.2\n'
    facts = load(written(tmp_path, TEXT + later))
    assert facts.rate("EUR", date(2026, 1, 1)) == 1
    assert facts.rate("GBP", date(2026, 1, 31)) == Decimal("1.17")
    assert facts.rate("GBP", date(2026, 2, 1)) == Decimal("1.2")
    assert facts.rate("GBP", date(2014, 12, 31)) is None
    assert facts.rate("USD", date(2026, 1, 1)) is None


@pytest.mark.parametrize(("old", "new", "named"), [
    ('name = "alpha-bravo"', 'name = "alpha-bravo"\nnmae = 1', "nmae"),
    ('region = "EU"', 'region = "EU"\nzone = 1', "zone"),
    ('[feeds."care.interactions"]', '[feeds."care.interaction"]', "care.interaction"),
    ('operator = "alpha"\n[feeds."network', 'operator = "beta"\n[feeds."network', "beta"),
    ('currency = "EUR"', 'currency = "Euro"', "currency"),
    ("base = 250", "bse = 250", "bse"),
    ("history_start = 2025-11-01", 'history_start = "soon"', "history_start"),
    ('# scores_by = "08:00"', 'scores_by = "24:30"', "scores_by"),
])
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in TEXT
    with pytest.raises(UsageError, match=named):
        load(written(tmp_path, TEXT.replace(old, new)))


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no estate file at .*nowhere"):
        load(tmp_path / "nowhere.toml")


def test_a_feed_that_is_not_delivered_is_not_expected(tmp_path: Path) -> None:
    facts = load(written(tmp_path, TEXT.replace("assumed_lag_days = 1", "delivered = false")))
    assert "network.usage_daily" not in facts.delivered()


def test_nothing_is_expected_before_history_starts_or_from_its_end(tmp_path: Path) -> None:
    facts = load(written(tmp_path, TEXT.replace("# history_end", "history_end")))
    assert not facts.expects(date(2025, 10, 31))
    assert facts.expects(date(2025, 11, 1))
    assert not facts.expects(date(2026, 9, 30))
