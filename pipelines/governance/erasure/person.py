"""Who is to be erased: from what a request says to every token of the person's subscriptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.estate import estate
from pipelines.governance.erasure import numbers
from pipelines.governance.erasure.matching import invoice_tokens, isoformat
from pipelines.governance.tombstones import PREFIX, Tombstone
from pipelines.landing.contract import BY_ID, Identifier
from pipelines.landing.tokens import TOKEN_CHARACTERS, Tokens
from pipelines.settings import settings
from pipelines.warehouse.facts import senders

_INVOICES = {"billing_alpha.invoices": "invoice_id", "billing_bravo.bills": "bill_no"}


@dataclass(frozen=True)
class Persons:
    """Everyone of one erasure. `stones`: their tokens. `kept_numbers`: tokens of numbers others have or had as well.

    `shares_account`: some line of the account is not erased, so its neighbours were counted with one line more.
    """

    stones: tuple[Tombstone, ...]
    kept_numbers: frozenset[str]
    shares_account: bool


def by_subscriber(subscriber_id: str) -> str:
    """The subscription's token in a subscriber_id."""
    token = subscriber_id.removeprefix(PREFIX)
    if not subscriber_id.startswith(PREFIX) or len(token) != TOKEN_CHARACTERS or set(token) - set("0123456789abcdef"):
        raise UsageError("erase: a subscriber_id is sub_ and 32 hexadecimal digits; an operator's own number goes with "
                         "--subscription, --account or --msisdn")
    return token


def by_subscription(operator: str, identifier: str) -> str:
    return _token(Identifier.SUBSCRIPTION, operator, identifier)


def by_account(operator: str, identifier: str) -> list[str]:
    """Tokens of every subscription of an account."""
    account = _token(Identifier.ACCOUNT, operator, identifier)
    return sorted({line.subscription for line in numbers.read_lines("account_token = ?", [account])})


def by_msisdn(number: str, on: date) -> list[str]:
    """The token of the subscription that has a number on a day, by all that raw/ holds; empty when none has."""
    token = _token(Identifier.MSISDN, "", number)
    return [held.subscription for held in numbers.of_numbers([token])
            if (held.start is None or held.start <= on) and (held.end is None or on < held.end)]


def requested(as_of: date) -> dict[str, str]:
    """Subscription tokens by request id: every request of the feed known at as_of, the first one of each."""
    import duckdb

    found: dict[str, str] = {}
    query = """
        select request_id, subscription_token from read_parquet(?, hive_partitioning = false)
        where known_on <= ? order by requested_at, request_id
    """
    with duckdb.connect(config=settings().duckdb) as connection:
        for paths in numbers.newest("governance.erasure_requests"):
            for request, token in connection.execute(query, [paths, as_of]).fetchall():
                found.setdefault(request, token)
    return found


def known(tokens: Iterable[str]) -> set[str]:
    """Those of these subscriptions that raw/ has told of."""
    return {line.subscription for line in numbers.read_lines("subscription_token in (select unnest(?))",
                                                             [sorted(tokens)])}


def resolve(requests: Mapping[str, str], erased_on: date) -> Persons:
    """Every token that leads to these people. `requests`: request id by subscription token."""
    mine = set(requests)
    own = _rows(["subscription_token", "account_token"], sorted(mine), "subscription_token")
    accounts = {account: request for subscription, account in own if (request := requests[subscription])}
    shared = {account for subscription, account in _rows(["subscription_token", "account_token"], sorted(accounts),
                                                         "account_token") if subscription not in mine}
    claimed = {line.msisdn: requests[line.subscription] for line in
               numbers.read_lines("subscription_token in (select unnest(?))", [sorted(mine)])}
    held = numbers.of_numbers(sorted(claimed))
    on = erased_on.isoformat()
    stones = [Tombstone(request, on, "subscription", token) for token, request in sorted(requests.items())]
    stones += [Tombstone(accounts[token], on, "account", token) for token in sorted(set(accounts) - shared)]
    stones += [Tombstone(requests[one.subscription], on, "msisdn", one.msisdn, isoformat(one.start),
                         isoformat(one.end)) for one in held if one.subscription in mine]
    stones += [Tombstone(request, on, "imsi", token) for token, request in sorted(_sims(requests).items())]
    stones += [Tombstone(request, on, "invoice", token) for token, request in _invoices(requests, shared)]
    others = frozenset(one.msisdn for one in held if one.subscription not in mine)
    return Persons(tuple(stones), others, bool(shared))


def _token(kind: Identifier, operator: str, identifier: str) -> str:
    if operator and operator not in estate().operators:
        raise UsageError(f"erase: no operator {operator!r}; this estate has {', '.join(sorted(estate().operators))}")
    token: str = Tokens().column(kind, operator, pa.array([identifier]))[0].as_py()
    return token


def _rows(columns: Sequence[str], tokens: Sequence[str], key: str) -> list[tuple[str, ...]]:
    """Distinct values of billing's lines in raw/, of any version, whose `key` is one of the tokens."""
    import duckdb

    found: set[tuple[str, ...]] = set()
    with duckdb.connect(config=settings().duckdb) as connection:
        for feed_id in numbers.LINES:
            if set(columns) - _columns(feed_id):
                continue
            for paths in numbers.newest(feed_id):
                # The names are ours; the tokens are bound.
                query = (f"select distinct {', '.join(columns)} from read_parquet(?, hive_partitioning = false) "  # noqa: S608
                         f"where {key} in (select unnest(?))")
                found |= set(connection.execute(query, [paths, list(tokens)]).fetchall())
    return sorted(found)


def _columns(feed_id: str) -> set[str]:
    from pipelines.landing.raw import schema

    return set(schema(BY_ID[feed_id]).names)


def _sims(requests: Mapping[str, str]) -> dict[str, str]:
    """SIMs of these subscriptions that billing tells of and nobody else has."""
    mine = {imsi: requests[subscription] for subscription, imsi in
            _rows(["subscription_token", "imsi_token"], sorted(requests), "subscription_token") if imsi}
    users = _rows(["subscription_token", "imsi_token"], sorted(mine), "imsi_token")
    others = {imsi for subscription, imsi in users if subscription not in requests}
    return {imsi: request for imsi, request in mine.items() if imsi not in others}


def _invoices(requests: Mapping[str, str], shared: set[str]) -> list[tuple[str, str]]:
    """(token, request) of invoices on accounts that others use too: their payments name the account alone."""
    import duckdb

    if not shared:
        return []
    found: list[tuple[str, str]] = []
    with duckdb.connect(config=settings().duckdb) as connection:
        for feed_id, number in _INVOICES.items():
            for source, dataset in senders(BY_ID[feed_id]):
                paths = [str(path) for path in sorted(dataset.root.glob("dt=*/data.parquet"))]
                query = f"""
                    select distinct {number}, subscription_token from read_parquet(?, hive_partitioning = false)
                    where subscription_token in (select unnest(?)) and account_token in (select unnest(?))
                """  # noqa: S608
                rows = connection.execute(query, [paths, sorted(requests), sorted(shared)]).fetchall() if paths else []
                if rows:
                    tokens = invoice_tokens(source, pa.array([row[0] for row in rows])).to_pylist()
                    found += [(token, requests[row[1]]) for token, row in zip(tokens, rows, strict=True)]
    return sorted(found)
