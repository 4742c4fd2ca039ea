"""F28: who is active, one rule at a time; every line of an account is judged alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from lives import Lives, on

AS_OF = "03-01"


def judged(lives: Lives, segment: str = "consumer", last_used: str | None = None) -> dict[str, dict[str, Any]]:
    """The eligibility of each subscriber on 1 March."""
    asked, used = lives.ask(AS_OF), f"date '{on(last_used)}'" if last_used else "null::date"
    asked.build("int_subscription_state")
    asked.connection.execute(f"""
        create table int_as_of as select date '{on(AS_OF)}' as as_of, true as has_features;
        create table int_account_state as
            select distinct known_by, account_token, 'north' as region, '{segment}' as segment, 'unknown' as age_band
            from int_subscription_state;
        create table int_subscriber_last_use as
            select known_by as as_of, subscriber_id, {used} as last_used_on from int_subscription_state;
    """)
    rows = asked.build("int_subscriber_eligibility").rows("select * from int_subscriber_eligibility")
    return {row["subscription_token"]: row for row in rows}


@pytest.mark.parametrize(("rule", "line", "last_used", "expected"), [
    ("an open line is active", {}, None, (True, None)),
    ("a suspended line is active", {"status": "suspended"}, None, (True, None)),
    ("a line of one day is active", {"since": "02-28"}, None, (True, None)),
    ("a line that begins today is not", {"since": "03-01"}, None, (False, "tenure_under_one_day")),
    ("a line used 45 days ago is active", {}, "01-15", (True, None)),
    ("a line used 46 days ago is not", {}, "01-14", (False, "silent_45_days")),
    ("a line never seen by the network is active", {}, None, (True, None)),
    ("a line that ends today is active as the day begins", {"ended": "03-01"}, None, (True, None)),
])
def test_f28_every_rule_of_eligibility_alone(
    rule: str, line: dict[str, Any], last_used: str | None, expected: tuple[bool, str | None]
) -> None:
    lives = Lives().line("s", "n", "02-20", **{"since": date(2025, 1, 1), **line})
    row = judged(lives, last_used=last_used)["s"]
    assert (row["is_active"], row["exclusion"]) == expected, rule


def test_f28_an_ended_line_is_not_on_the_roster_whatever_ended_it() -> None:
    for reason in ("cancellation", "port_out", "non_payment", None):
        lives = Lives().line("s", "n", "01-01").line("s", "n", "02-28", ended="02-28", reason=reason)
        assert judged(lives) == {}


def test_f28_a_suspension_is_not_churn_and_a_line_that_comes_back_from_it_has_kept_its_number() -> None:
    lives = Lives().line("s", "n", "01-01").line("s", "n", "02-01", status="suspended").line("s", "n", "02-20")
    assert judged(lives)["s"]["is_active"]
    assert lives.held() == {("s", "n", "01-01", None)}


def test_f28_the_lines_of_a_business_account_are_subscribers_of_their_own() -> None:
    lives = Lives()
    for name, number in (("s1", "n1"), ("s2", "n2"), ("s3", "n3")):
        lives.line(name, number, "01-01", account_token="firm")
    lives.line("s2", "n2", "02-10", ended="02-10", account_token="firm")
    rows = judged(lives, segment="business")
    assert set(rows) == {"s1", "s3"}
    assert {row["account_token"] for row in rows.values()} == {"firm"}
    assert {row["segment"] for row in rows.values()} == {"business"}
    assert len({row["subscriber_id"] for row in rows.values()}) == 2
