"""Who had which number when, from the newest word of billing and network: whose rows of use are whose.

The rules are those of `int_number_holding`, on everything raw/ holds today, with one difference: days on which nobody
held a number go to whoever had it last (it is that person's number that is in those rows), and before the first holder
to the first. From a reassignment on it is somebody else's, known or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipelines.clock import DAY
from pipelines.landing.contract import BY_ID
from pipelines.settings import settings
from pipelines.warehouse.facts import senders

# A number rests for weeks before it is given away: who began within the month before is the one it was given to.
GIVEN_WITHIN = timedelta(days=30)
LINES = {  # feed: (changed, first day, last day) in raw/
    "billing_alpha.subscriptions": ("changed_at", "started_on", "ended_on"),
    "billing_bravo.subscribers": ("modified_at", "activated_on", "terminated_on"),
}


@dataclass(frozen=True)
class Line:
    """One row billing sent of a subscription."""

    subscription: str
    account: str
    msisdn: str
    told_on: date
    started_on: date
    ended_on: date | None


@dataclass(frozen=True)
class Event:
    msisdn: str
    kind: str
    on: date


@dataclass(frozen=True)
class Held:
    """A subscription has a number on the days [start, end); None: since ever, or still. `claimed_on`: its own first."""

    msisdn: str
    subscription: str
    start: date | None
    end: date | None
    claimed_on: date


@dataclass
class _Claim:
    subscription: str
    msisdn: str
    start: date
    told_on: date
    left_on: date | None
    is_first: bool


def holders(lines: Iterable[Line], events: Sequence[Event]) -> list[Held]:
    """Who had each number when. `lines` are every row of every subscription that ever had one of the numbers."""
    by_number: dict[str, list[_Claim]] = defaultdict(list)
    for claim in _claims(lines):
        by_number[claim.msisdn].append(claim)
    found: list[Held] = []
    for msisdn, claims in sorted(by_number.items()):
        found += _spans(msisdn, claims, [event for event in events if event.msisdn == msisdn])
    return found


def _claims(lines: Iterable[Line]) -> list[_Claim]:
    """A subscription claims a number with its first row, with a change of number, and when it comes back."""
    rows: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        rows[line.subscription].append(line)
    claims: list[_Claim] = []
    for subscription, told in sorted(rows.items()):
        before: Line | None = None
        for line in sorted(told, key=lambda one: one.told_on):
            comes_back = before is not None and before.ended_on is not None and line.ended_on is None and (
                line.told_on > before.ended_on)
            if before is None or before.msisdn != line.msisdn or comes_back:
                if before is not None and claims[-1].left_on is None:
                    claims[-1].left_on = line.told_on
                start = line.started_on if before is None else line.told_on
                claims.append(_Claim(subscription, line.msisdn, start, line.told_on, None, before is None))
            claims[-1].left_on = line.ended_on + DAY if line.ended_on else None
            before = line
    return claims


def _spans(msisdn: str, claims: list[_Claim], events: list[Event]) -> list[Held]:
    for claim in claims:
        if claim.is_first:  # its first row speaks for its life before, but not for days the number was another's
            given = [event.on for event in events if event.kind in ("activation", "port_in", "reassignment")
                     and event.on <= claim.told_on]
            left = [other.left_on for other in claims if other.subscription != claim.subscription
                    and other.left_on is not None and other.left_on <= claim.told_on]
            claim.start = max([claim.start, *given, *left])
    ordered = sorted(claims, key=lambda one: (one.start, one.told_on, one.subscription))
    found = []
    for place, claim in enumerate(ordered):
        following = ordered[place + 1].start if place + 1 < len(ordered) else None
        given_away = [event.on for event in events if event.kind == "reassignment"
                      and event.on > claim.start + GIVEN_WITHIN and (following is None or event.on < following)]
        end = min(given_away) if given_away else following
        found.append(Held(msisdn, claim.subscription, claim.start if place else None, end, claim.start))
    return found


def read_lines(where: str, parameters: Sequence[Any]) -> list[Line]:
    """Rows of billing's lines in raw/, of the newest version of each drop, that a condition holds for."""
    import duckdb

    found: list[Line] = []
    with duckdb.connect(config=settings().duckdb) as connection:
        for feed_id, (changed, started, ended) in LINES.items():
            for paths in newest(feed_id):
                # Column names and the condition are ours; the values are bound.
                query = f"""
                    select subscription_token, account_token, msisdn_token, cast({changed} as date), {started}, {ended}
                    from read_parquet(?, hive_partitioning = false, filename = true)
                    qualify drop_version = max(drop_version) over (partition by filename) and ({where})
                """  # noqa: S608
                found += [Line(*row) for row in connection.execute(query, [paths, *parameters]).fetchall()]
    return found


def read_events(numbers: Sequence[str]) -> list[Event]:
    """What the network told of these numbers, SIM swaps aside."""
    import duckdb

    query = """
        select msisdn_token, event, cast(occurred_at as date) from read_parquet(?, hive_partitioning = false)
        where msisdn_token in (select unnest(?)) and event != 'sim_swap'
    """
    found: list[Event] = []
    with duckdb.connect(config=settings().duckdb) as connection:
        for paths in newest("network.number_events"):
            found += [Event(*row) for row in connection.execute(query, [paths, list(numbers)]).fetchall()]
    return found


def newest(feed_id: str) -> list[list[str]]:
    """The published raw files of a feed of the contract, one list a sender that has any."""
    lists = [[str(path) for path in sorted(dataset.root.glob("dt=*/data.parquet"))]
             for _, dataset in senders(BY_ID[feed_id])]
    return [paths for paths in lists if paths]


def of_numbers(numbers: Sequence[str]) -> list[Held]:
    """Who had these numbers (tokens) when, by all that raw/ holds today."""
    if not numbers:
        return []
    wanted = list(numbers)
    claiming = {line.subscription for line in read_lines("msisdn_token in (select unnest(?))", [wanted])}
    lines = read_lines("subscription_token in (select unnest(?))", [sorted(claiming)])
    return [held for held in holders(lines, read_events(wanted)) if held.msisdn in set(wanted)]
