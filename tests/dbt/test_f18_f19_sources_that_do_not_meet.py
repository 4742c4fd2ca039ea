"""F18: a subscriber the network does not know. F19: usage of a number nobody holds. Both counted, neither guessed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from asked import Asked
from lives import DAY, Lives, on

from pipelines import notices
from pipelines.settings import settings
from pipelines.warehouse import coverage
from pipelines.warehouse.coverage import Gap

D, S, I, B = pa.date32(), pa.string(), pa.int64(), pa.bool_()  # noqa: E741
AS_OF = date(2026, 3, 1)
USAGE = {
    "source": S, "msisdn_token": S, "usage_on": D, "data_kb": I, "voice_seconds": I, "sms_count": I,
    "calls_attempted": I, "calls_dropped": I, "roaming_kb": I, "is_use": B, "known_on": D, "superseded_on": D,
    **{f"cell_{rank}_id": S for rank in (1, 2, 3)}, **{f"cell_{rank}_share": pa.float64() for rank in (1, 2, 3)},
}


def use(number: str, day: str | date = AS_OF - DAY, **more: Any) -> dict[str, Any]:
    return {"source": "network", "msisdn_token": number, "usage_on": on(day), "data_kb": 2048, "voice_seconds": 60,
            "sms_count": 1, "calls_attempted": 2, "calls_dropped": 0, "roaming_kb": 0, "is_use": True,
            "known_on": on(day) + DAY, **more}


def asked(lives: Lives, usage: list[dict[str, Any]]) -> Asked:
    """The warehouse of 1 March up to eligibility, everyone of the lives active."""
    made = lives.ask(AS_OF).build("int_subscription_state")
    made.connection.register("usage_rows", pa.Table.from_pylist(usage, schema=pa.schema(list(USAGE.items()))))
    made.connection.execute("""
        create table stg_network__usage_daily as select * from usage_rows;
        create table int_as_of as select date '2026-03-01' as as_of, true as has_features;
        create table int_label_cutoff (label varchar, as_of date, stop_on date, known_by date);
        create table int_subscriber_eligibility as
            select subscriber_id, operator, known_by as as_of, ended_on is null as is_active, true as has_features
            from int_subscription_state;
        create table stg_estate__deliveries as select 'alpha' as operator, true as has_number_events;
        create table int_subscriber_number_event as
            select null::date as as_of, ''::varchar as subscriber_id, null::date as last_sim_swap_on,
                   false as is_ported_in limit 0;
        create table int_cell_kpis (
            as_of date, cell_id varchar, measured_on date, retainability_ratio double, dl_throughput_mbps double,
            dl_latency_ms double, availability_ratio double);
    """)
    return made.build("int_subscriber_usage", "ftr_subscriber_network", "fct_source_coverage")


def gaps(made: Asked) -> dict[str, tuple[int, int]]:
    return {row["gap"]: (row["counted"], row["unmatched"]) for row in made.rows("select * from fct_source_coverage")}


def test_f18_billing_without_network_is_kept_unknown_and_counted() -> None:
    lives = Lives().line("seen", "n1", "01-01").line("unseen", "n2", "01-01")
    made = asked(lives, [use("n1")])
    rows = {row["subscriber_id"]: row for row in made.rows("select * from ftr_subscriber_network")}
    assert set(rows) == {"sub_seen", "sub_unseen"}
    unseen = rows["sub_unseen"]
    assert unseen["has_network"] is False
    told = {"subscriber_id", "event_timestamp", "created_at", "has_network", "is_ported_in"}
    assert [name for name, value in unseen.items() if name not in told and value is not None] == []
    assert rows["sub_seen"]["data_mb_30d"] == 2
    assert gaps(made)["billing_without_network"] == (2, 1)


def test_f18_a_day_without_rows_is_counted_although_ninety_days_know_the_line() -> None:
    lives = Lives().line("s1", "n1", "01-01").line("s2", "n2", "01-01")
    made = asked(lives, [use("n1"), use("n2", "02-20")])
    assert gaps(made)["billing_without_network"] == (2, 1)
    assert all(row["has_network"] for row in made.rows("select * from ftr_subscriber_network"))


def test_f19_network_without_billing_reaches_nobody_and_is_counted() -> None:
    lives = Lives().line("s1", "n1", "01-01")
    made = asked(lives, [use("n1"), use("nobody"), use("nobody"), use("stranger")])
    assert [row["subscriber_id"] for row in made.rows("select * from ftr_subscriber_network")] == ["sub_s1"]
    assert made.rows("select data_mb_30d as mb from ftr_subscriber_network") == [{"mb": 2.0}]
    assert gaps(made)["network_without_billing"] == (3, 2)


def test_f19_a_number_its_holder_left_is_nobodys_on_the_days_after() -> None:
    lives = Lives().line("gone", "n1", "01-01").line("gone", "n1", "02-20", ended="02-20")
    made = asked(lives.line("stays", "n2", "01-01"), [use("n1"), use("n2")])
    assert gaps(made) == {"network_without_billing": (2, 1), "billing_without_network": (1, 0)}


def test_f19_what_was_not_known_is_not_counted() -> None:
    lives = Lives().line("s1", "n1", "01-01")
    late = use("nobody", known_on=AS_OF + DAY)
    replaced = use("stranger", superseded_on=AS_OF)
    assert gaps(asked(lives, [use("n1"), late, replaced]))["network_without_billing"] == (1, 0)


# ------------------------------------------------------------------------------------------------- far above the norm


@pytest.mark.parametrize(("share", "earlier", "is_alarm"), [
    (0.31, [0.10, 0.10, 0.10, 0.10], True),
    (0.30, [0.10, 0.10, 0.10, 0.10], False),           # three times is not more than three times
    (0.31, [0.10, 0.10, 0.10], False),                 # three nights make no norm
    (0.02, [0.0, 0.0, 0.0, 0.0], True),                # a norm of nothing counts as half a percent
    (0.015, [0.0, 0.0, 0.0, 0.0], False),
    (0.31, [0.10, 0.10, 0.10, 0.90, 0.10], True),      # one bad night does not move the norm
])
def test_f18_the_alarm_is_three_times_the_median_of_earlier_nights(
    share: float, earlier: list[float], is_alarm: bool
) -> None:
    gap = Gap("billing_without_network", "alpha", 1000, round(1000 * share))
    assert bool(coverage.alarm(gap, earlier)) is is_alarm


def test_f18_the_alarm_names_operator_share_norm_and_next_step_and_is_told_once(home: Path) -> None:
    said: list[str] = []
    with duckdb.connect() as connection:
        connection.execute("create schema core; create table core.fct_source_coverage "
                           "(as_of date, gap varchar, part varchar, counted bigint, unmatched bigint)")
        days = [AS_OF + n * DAY for n in range(5)]
        for day, unmatched in zip(days, (100, 110, 90, 100, 400), strict=True):
            connection.execute("insert into core.fct_source_coverage values (?, 'billing_without_network', 'bravo', "
                               "1000, ?), (?, 'network_without_billing', 'network', 500, 3)", [day, unmatched, day])
        for _ in range(2):
            coverage.keep(connection, days, said.append)
    text = "400 of 1000 active subscribers of bravo without usage (40.0%), the norm of 4 earlier as_ofs is 10.0%."
    assert [line for line in said if "ALERT" in line and text in line]
    told = sorted(path.name for path in notices.directory().iterdir())
    assert told == ["coverage.billing_without_network.bravo.as_of=2026-03-05.json"]
    assert len(list((settings().reports / "coverage").glob("as_of=*/coverage.json"))) == 5


def test_f18_a_night_is_judged_by_earlier_as_ofs_alone_whatever_was_built_first(home: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema core; create table core.fct_source_coverage as select as_of, "
                           "'billing_without_network' as gap, 'alpha' as part, 1000 as counted, u as unmatched from "
                           "(values (date '2026-03-01', 100), ('2026-03-02', 100), ('2026-03-03', 900)) t(as_of, u)")
        coverage.keep(connection, [date(2026, 3, 3)], lambda _: None)
        coverage.keep(connection, [date(2026, 3, 1), date(2026, 3, 2)], lambda _: None)
    assert [gap.unmatched for gap in coverage.before(date(2026, 3, 3))] == [100, 100]
    assert coverage.before(date(2026, 3, 1)) == []
