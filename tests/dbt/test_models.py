"""What the models say, read as text: dbt is not started."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from jinja2 import Template

from pipelines.landing.contract import BY_ID, FEEDS
from pipelines.landing.feeds.billing_bravo import PRODUCT_CODES
from pipelines.landing.raw import SCRUBBED
from pipelines.warehouse import counters

PROJECT = Path(__file__).parents[2] / "dbt_project"
MODELS = sorted((PROJECT / "models").rglob("*.sql"))


def test_no_model_reads_free_text() -> None:
    assert len(MODELS) >= 30
    # Words alone: a model selecting `interactions.*` would get it without naming it, so no staging model selects all.
    assert [path.name for path in MODELS if SCRUBBED in path.read_text(encoding="utf-8")] == []
    staging = [path for path in MODELS if "staging" in path.parts and path.parent.name != "estate"]
    assert [path.name for path in staging if ".*" in path.read_text(encoding="utf-8")] == []


def bravo_word(field: str, code: str) -> str:
    """The SQL of the mapping of one of bravo's columns."""
    macro = (PROJECT / "macros/billing_bravo.sql").read_text(encoding="utf-8")
    return Template(macro + "{{ bravo_word(field, code) }}").render(field=field, code=code)


@pytest.mark.parametrize(("field", "theirs", "ours"), [
    ("customer_class", "subscribers", "accounts.segment"),
    ("age_class", "subscribers", "accounts.age_band"),
    ("pay_channel", "subscribers", "accounts.payment_method"),
    ("state", "subscribers", "subscriptions.status"),
    ("term_code", "subscribers", "subscriptions.end_reason"),
])
def test_every_code_of_bravo_is_a_word_of_the_house(field: str, theirs: str, ours: str) -> None:
    feed, column = ours.split(".")
    words = set(BY_ID[f"billing_alpha.{feed}"].column(column).values)
    codes = BY_ID[f"billing_bravo.{theirs}"].column(field).values
    assert codes
    for code in codes:
        (word,), = duckdb.execute(f"select {bravo_word(field, f'{code!r}')}").fetchall()
        assert word in words, f"{field} {code}"


def test_the_products_of_bravo_are_those_of_the_contract() -> None:
    for code, product in PRODUCT_CODES.items():
        assert duckdb.execute(f"select {bravo_word('product', f'{code!r}')}").fetchall() == [(product,)]
    assert bravo_word("product", "code").count(" when ") == len(PRODUCT_CODES)


def test_the_counters_of_the_models_are_those_of_the_contract() -> None:
    assert counters.PAGE.read_text(encoding="utf-8") == counters.page(), "run: python -m pipelines.warehouse.counters"
    assert {path.stem.removeprefix("stg_pm__") for path in MODELS if path.parent.name == "pm"} == \
        {feed.name for feed in FEEDS if feed.source == "pm"}


def test_every_feed_of_the_contract_has_one_staging_model_in_its_group() -> None:
    staged = {path.stem.removeprefix("stg_").replace("__", ".") for path in MODELS if path.stem.startswith("stg_")}
    assert staged - {"estate.deliveries", "estate.cost_rates"} == set(BY_ID)
