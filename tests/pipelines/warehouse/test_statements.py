"""The project's models as plain SQL: what dbt would fill in, and a loud end where that is more than this fills in."""

from __future__ import annotations

import jinja2
import pytest

from pipelines.explain.facts import _MODELS
from pipelines.warehouse.statements import statement


@pytest.mark.parametrize("model", _MODELS)
def test_every_model_behind_the_facts_is_plain_sql(model: str) -> None:
    sql = statement(model)
    assert sql.startswith("with ")
    assert not {"{{", "{%", "{#"} & {sql[place:place + 2] for place in range(len(sql))}


def test_references_and_the_knowledge_rule_are_filled_in() -> None:
    sql = statement("stg_billing_alpha__invoices")
    assert "from billing_alpha__invoices" in sql
    assert "from estate__drops\n    where shape_id = 'billing_alpha.invoices'" in sql
    assert "superseded_on > known_by.known_by" in statement("int_subscription_change")


def test_a_model_that_asks_more_of_dbt_is_refused() -> None:
    with pytest.raises(jinja2.exceptions.UndefinedError, match="'amount' is undefined"):
        statement("ftr_subscriber_billing")
