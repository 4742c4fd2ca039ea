"""What raw/ holds of one subscriber as known at as_of, by the SQL the features are made with.

Raw rows of this subscriber, and of whoever held the same numbers, are copied into memory; the staging and intermediate
models of the dbt project then run on them, so that who held a number when, and which correction counts, are decided in
one place. The warehouse file is not opened. Shown is what is pseudonymous and says something of a score: no token, no
invoice number, no text, no cell (where someone was), no age band.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.contract import BY_ID
from pipelines.settings import settings

if TYPE_CHECKING:
    import duckdb

PREFIX = "sub_"

# In the order they read each other.
_MODELS = (
    "int_known_by",
    "stg_billing_alpha__subscriptions", "stg_billing_bravo__subscribers", "int_subscription",
    "int_subscriber_identity", "int_subscription_change",
    "stg_billing_alpha__accounts", "int_account", "int_account_state",
    "stg_network__number_events", "int_number_event", "int_number_holding",
    "stg_billing_alpha__invoices", "stg_billing_bravo__bills", "int_invoice",
    "stg_billing_alpha__payments", "stg_billing_bravo__payments", "int_payment",
    "stg_care__interactions", "stg_care__complaints", "stg_network__usage_daily",
)
# Which rows of a feed can matter; `lines`, `numbers` and `payers` are filled first, each from the feed before.
_LINES = ("billing_alpha.subscriptions", "billing_bravo.subscribers")
_ROWS = {
    **dict.fromkeys(_LINES, "subscription_token in (from lines) or account_token in (from payers)"),
    "billing_alpha.accounts": "account_token in (from payers)",
    "billing_alpha.invoices": "subscription_token = $token",
    "billing_bravo.bills": "subscription_token = $token",
    "billing_alpha.payments": "invoice_id in (select invoice_id from billing_alpha__invoices)",
    "billing_bravo.payments": "bill_no in (select bill_no from billing_bravo__bills)",
    "network.number_events": "msisdn_token in (from numbers)",
    "network.usage_daily": "msisdn_token in (from numbers) and usage_on >= $as_of - 45",
    "care.interactions": "msisdn_token in (from numbers)",
    "care.complaints": "msisdn_token in (from numbers)",
}
# What of a model was known by as_of, as a table; the other models take their as_of from int_known_by.
_KNOWN = {
    "known_invoices": "int_invoice", "known_payments": "int_payment", "known_contacts": "stg_care__interactions",
    "known_complaints": "stg_care__complaints", "known_usage": "stg_network__usage_daily",
    "known_number_events": "int_number_event",
}
# Whether the subscriber held a number on a day; `early` days of slack for an event that gives the number.
_IS_HELD = """
    create macro is_held(token, day, early := 0) as exists (
        from holdings
        where msisdn_token = token and day >= held_from_on - early and (held_to_on is null or day < held_to_on)
    )
"""


@dataclass(frozen=True)
class Section:
    """One kind of fact: its columns and so many rows at most, newest first; times in UTC, amounts in house currency."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class _Asked:
    title: str
    query: str
    limit: int


_SECTIONS: Mapping[str, _Asked] = {
    "terms": _Asked("Contract and terms", """
        select cast(changed_at as date) as changed_on, status, plan_code, contract_type, price_house, contract_end_on,
               ended_on, end_reason
        from int_subscription_change
        where subscription_token = $token
        order by change_number desc
    """, 6),
    "account": _Asked("Paying customer", """
        select cast(changed_at as date) as changed_on, segment, region, payment_method, is_paperless, has_partner,
               has_dependents
        from int_account_state
        where account_token = (
            select arg_max(account_token, change_number) from int_subscription_change where subscription_token = $token
        )
    """, 1),
    "invoices": _Asked("Invoices", """
        select issued_on, period_start_on, period_end_on, due_on, amount_house, known_on
        from known_invoices
        where issued_on < $as_of
        order by issued_on desc, invoice_id desc
    """, 12),
    "payments": _Asked("Payments of these invoices", """
        select paid_at, is_paid, amount_house, known_on
        from known_payments
        where paid_at < $as_of and (operator, invoice_id) in (select (operator, invoice_id) from known_invoices)
        order by paid_at desc, payment_id desc
    """, 12),
    "contacts": _Asked("Contacts with care, 90 days", """
        select opened_at, channel, topic, is_resolved, is_complaint, wait_s, known_on
        from known_contacts
        where opened_at >= $as_of - 90 and opened_at < $as_of and is_held(msisdn_token, opened_on)
        order by opened_at desc, interaction_id desc
    """, 12),
    "complaints": _Asked("Complaints", """
        with cases as (
            select
                complaint_id, msisdn_token,
                min(cast(changed_at as date)) as opened_on,
                arg_max(topic, (changed_at, dt, drop_version)) as topic,
                arg_max(status, (changed_at, dt, drop_version)) as status,
                max(known_on) as known_on
            from known_complaints
            where changed_at < $as_of
            group by source, complaint_id, msisdn_token
        )
        select opened_on, topic, status, known_on
        from cases
        where is_held(msisdn_token, opened_on)
        order by opened_on desc, complaint_id desc
    """, 6),
    "usage": _Asked("Use of the last 45 days", """
        select usage_on, round(data_kb / 1024, 1) as data_mb, round(voice_seconds / 60, 1) as voice_min, sms_count,
               calls_attempted, calls_dropped, round(roaming_kb / 1024, 1) as roaming_mb, known_on
        from known_usage
        where usage_on >= $as_of - 45 and usage_on < $as_of and is_held(msisdn_token, usage_on)
        order by usage_on desc
    """, 45),
    "numbers": _Asked("Numbers held", """
        select held_from_on, held_to_on, ported_out_on
        from holdings
        order by held_from_on desc
    """, 6),
    "number_events": _Asked("Events of these numbers", """
        select occurred_at, event_kind, other_network, known_on
        from known_number_events
        where occurred_at < $as_of and is_held(msisdn_token, cast(occurred_at as date), early := 1)
        order by occurred_at desc, event_kind
    """, 12),
}


def facts(subscriber_id: str, as_of: date) -> list[Section]:
    """The sections in the order they are read. A feed that never landed has none of its rows."""
    with _memory() as connection:
        _load(connection, subscriber_id, as_of)
        return [_section(connection, name, asked, subscriber_id, as_of) for name, asked in _SECTIONS.items()]


def terms(subscriber_id: str, as_of: date) -> dict[str, Any] | None:
    """The newest terms known at as_of, None when nothing is known of a subscription: to say why somebody is missing."""
    with _memory() as connection:
        _load(connection, subscriber_id, as_of)
        found = _section(connection, "terms", _SECTIONS["terms"], subscriber_id, as_of)
    return dict(found.rows[0]) if found.rows else None


def holding(subscriber_id: str, as_of: date) -> dict[Path, int]:
    """Rows by raw file that the facts of this subscriber are read from, as known at as_of; files without any left out.

    Counted are also rows of whoever held the same numbers or paid for the same account: who held a number when is told
    from all of them.
    """
    bound = {"token": subscriber_id.removeprefix(PREFIX), "as_of": as_of}
    found: dict[Path, int] = {}
    with _memory() as connection:
        _circle(connection, bound)
        for feed_id, condition in _ROWS.items():
            _copy(connection, feed_id, f"({condition})", bound)
            paths = _paths(feed_id)
            if not paths:
                continue
            used = {key: value for key, value in bound.items() if f"${key}" in condition}
            counted = connection.execute(
                f"select filename, count(*) from read_parquet($paths, hive_partitioning = false, filename = true) "  # noqa: S608
                f"where ({condition}) and known_on <= $as_of group by filename",
                {**used, "paths": paths, "as_of": as_of},
            ).fetchall()
            found |= {Path(name): rows for name, rows in counted}
    return found


def _section(connection: duckdb.DuckDBPyConnection, name: str, asked: _Asked, subscriber: str, as_of: date) -> Section:
    bound = {"token": subscriber.removeprefix(PREFIX), "as_of": as_of}
    used = {key: value for key, value in bound.items() if f"${key}" in asked.query}
    answer = connection.execute(f"{asked.query} limit {asked.limit}", used)
    columns = tuple(column[0] for column in answer.description or ())
    rows = (map(_plain, row) for row in answer.fetchall())
    return Section(name, asked.title, columns, tuple(dict(zip(columns, row, strict=True)) for row in rows))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


@contextmanager
def _memory() -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    with duckdb.connect(config=settings().duckdb) as connection:
        yield connection


def _load(connection: duckdb.DuckDBPyConnection, subscriber_id: str, as_of: date) -> None:
    """Copy the rows that matter, then lay the project's models over them."""
    from pipelines.warehouse import facts as estate_facts
    from pipelines.warehouse.statements import statement

    bound = {"token": subscriber_id.removeprefix(PREFIX), "as_of": as_of}
    connection.register("estate__drops", estate_facts.drops())
    connection.execute("create table int_as_of as select $as_of::date as as_of, true as has_features", {"as_of": as_of})
    connection.execute("create table int_label_cutoff (label varchar, as_of date, stop_on date, known_by date)")
    _circle(connection, bound)
    for feed_id, condition in _ROWS.items():
        _copy(connection, feed_id, f"({condition})", bound)
    for model in _MODELS:
        connection.execute(f"create view {model} as {statement(model)}")
    connection.execute("create table holdings as from int_number_holding where subscriber_id = $subscriber",
                       {"subscriber": subscriber_id})
    connection.execute(_IS_HELD)
    for relation, model in _KNOWN.items():
        connection.execute(f"create table {relation} as from {model} where known_on <= $as_of and "
                           "(superseded_on is null or superseded_on > $as_of)", {"as_of": as_of})


def _circle(connection: duckdb.DuckDBPyConnection, bound: Mapping[str, Any]) -> None:
    """The numbers this subscription ever had, the lines that ever had one of them, and who pays for this one."""
    for relation, column, condition in (
        ("numbers", "msisdn_token", "subscription_token = $token"),
        ("payers", "account_token", "subscription_token = $token"),
        ("lines", "subscription_token", "subscription_token = $token or msisdn_token in (from numbers)"),
    ):
        connection.execute(f"create table {relation} ({column} varchar)")
        for feed_id in _LINES:
            paths = _paths(feed_id)
            if paths:
                connection.execute(
                    f"insert into {relation} select distinct {column} from read_parquet($paths, hive_partitioning = "  # noqa: S608
                    f"false) where ({condition}) and known_on <= $as_of and {column} is not null",
                    {**bound, "paths": paths},
                )


def _copy(connection: duckdb.DuckDBPyConnection, feed_id: str, condition: str, bound: Mapping[str, Any]) -> None:
    """The rows of a feed known by as_of that meet the condition; free text, scrubbed or not, is left where it is."""
    from pipelines.landing import raw

    schema = raw.schema(BY_ID[feed_id])
    columns = [name for name in schema.names if name != raw.SCRUBBED]
    relation = feed_id.replace(".", "__")
    connection.register("empty", schema.empty_table().select(columns))
    connection.execute(f"create table {relation} as from empty")
    connection.unregister("empty")
    paths = _paths(feed_id)
    if paths:
        used = {key: value for key, value in bound.items() if f"${key}" in condition}
        connection.execute(
            f"insert into {relation} select {', '.join(columns)} from read_parquet($paths, hive_partitioning = false) "  # noqa: S608
            f"where {condition} and known_on <= $as_of",
            {**used, "paths": paths, "as_of": bound["as_of"]},
        )


def _paths(feed_id: str) -> Sequence[str]:
    from pipelines.landing import raw

    return [str(path) for path in sorted(raw.dataset(BY_ID[feed_id]).root.glob("**/data.parquet"))]
