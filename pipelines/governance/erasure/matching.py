"""Which rows of a feed are a person's: by subscription, by an account of theirs alone, by a number while it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.landing.contract import Feed, Identifier

if TYPE_CHECKING:
    from pipelines.governance.tombstones import Tombstone
    from pipelines.landing.tokens import Tokens

Mask = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]
Span = tuple[str, str]  # first day and the day after the last, ISO; empty: unbounded
OF_INVOICE = {"billing_alpha.payments": "invoice_id", "billing_bravo.payments": "bill_no"}


@dataclass(frozen=True)
class Marks:
    """The tokens people are found by. `invoices`: of accounts that others use too, so that a payment has an owner."""

    subscriptions: frozenset[str]
    accounts: frozenset[str]
    numbers: Mapping[str, tuple[Span, ...]]
    invoices: frozenset[str] = frozenset()

    @classmethod
    def of(cls, stones: Iterable[Tombstone]) -> Marks:
        tokens: dict[str, set[str]] = defaultdict(set)
        numbers: dict[str, list[Span]] = defaultdict(list)
        for stone in stones:
            tokens[stone.kind].add(stone.token)
            if stone.kind == "msisdn":
                numbers[stone.token].append((stone.start, stone.end))
        return cls(frozenset(tokens["subscription"]), frozenset(tokens["account"]),
                   {token: tuple(spans) for token, spans in numbers.items()}, frozenset(tokens["invoice"]))

    def without_new_holders(self, feed: Feed, rows: pa.Table) -> Marks:
        """For the door: a number that another subscription has by now is not barred on that one's days.

        Asked of raw/ only when such a number, or an account that was erased, is among the rows.
        """
        accounts, numbers = self.accounts, dict(self.numbers)
        seen = set(_among(rows, "msisdn_token", numbers)) if _by_number(feed) else set()
        if seen:
            from pipelines.governance.erasure.numbers import of_numbers

            others: dict[str, list[str]] = defaultdict(list)
            for held in of_numbers(sorted(seen)):
                if held.subscription not in self.subscriptions:
                    others[held.msisdn].append(held.claimed_on.isoformat())
            for token, starts in others.items():
                numbers[token] = tuple(_until(span, starts) for span in numbers[token])
        known = _among(rows, "account_token", accounts)
        if known:
            from pipelines.governance.erasure.numbers import read_lines

            used = {line.account for line in read_lines("account_token in (select unnest(?))", [known])
                    if line.subscription not in self.subscriptions}
            accounts = accounts - used
        return replace(self, accounts=accounts, numbers=numbers)

    @cached_property
    def sets(self) -> dict[str, pa.Array]:
        return {name: pa.array(sorted(tokens), pa.string()) for name, tokens in (
            ("subscription", self.subscriptions), ("account", self.accounts), ("invoice", self.invoices),
            ("msisdn", self.numbers))}


def matches(marks: Marks, feed: Feed, rows: pa.Table, on: Days) -> Mask:
    """Rows (with tokens, as in raw/) that are of a person. `on`: day of each row's event, NaT where nobody knows it."""
    hit = np.zeros(rows.num_rows, dtype=np.bool_)
    for kind in ("subscription", "account"):
        if f"{kind}_token" in rows.column_names and len(marks.sets[kind]):
            hit |= _mask(pc.is_in(rows[f"{kind}_token"], marks.sets[kind]))
    if _by_number(feed) and len(marks.sets["msisdn"]):
        hit |= _numbers(marks, rows["msisdn_token"], on)
    if marks.invoices and feed.shape in OF_INVOICE:
        hit |= _mask(pc.is_in(invoice_tokens(feed.source, rows[OF_INVOICE[feed.shape]]), marks.sets["invoice"]))
    return hit


def invoice_tokens(source: str, numbers: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Tokens of a sender's invoices by their numbers: HMAC with the key of accounts."""
    from pipelines.landing.tokens import Tokens

    plain = numbers.combine_chunks() if isinstance(numbers, pa.ChunkedArray) else numbers
    named = pc.binary_join_element_wise(pa.scalar("invoice"), plain.cast(pa.string()), "|")
    return Tokens().column(Identifier.ACCOUNT, source, named)


def with_tokens(feed: Feed, clear: pa.Table, tokens: Tokens) -> pa.Table:
    """Rows as they came with the tokens of their identifiers, null where identifier or operator is not known."""
    from pipelines.landing.raw import operators
    from pipelines.landing.tokens import LINKED

    owner = operators(feed, clear)
    columns = {name: clear[name] for name in {OF_INVOICE.get(feed.shape)} - {None} if name in clear.column_names}
    for column in feed.columns:
        if column.identifier not in LINKED:
            continue
        made = pa.nulls(clear.num_rows, pa.string())
        for operator in owner.unique().drop_null().to_pylist():
            mine = pc.fill_null(pc.equal(owner, operator), False)
            found = tokens.column(column.identifier, operator, clear[column.name].combine_chunks())
            made = pc.if_else(mine, found, made)
        columns[f"{column.identifier.value}_token"] = made
    return pa.table(columns) if columns else pa.table({"row": pa.nulls(clear.num_rows)})


def _by_number(feed: Feed) -> bool:
    """Whether a number says whose a row is: in billing the subscription does."""
    kinds = {column.identifier for column in feed.columns}
    return Identifier.MSISDN in kinds and Identifier.SUBSCRIPTION not in kinds


def _numbers(marks: Marks, tokens: pa.ChunkedArray, on: Days) -> Mask:
    hit = np.zeros(len(tokens), dtype=np.bool_)
    places = np.flatnonzero(_mask(pc.is_in(tokens, marks.sets["msisdn"])))
    for place, token in zip(places, tokens.take(pa.array(places)).to_pylist(), strict=True):
        day = str(on[place])
        hit[place] = day == "NaT" or any(
            start <= day and (not end or day < end) for start, end in marks.numbers[token])
    return hit


def _until(span: Span, starts: list[str]) -> Span:
    """A span that ends where another's begins, if that lies in it."""
    start, end = span
    later = [other for other in starts if other > start and (not end or other < end)]
    return (start, min(later)) if later else span


def _among(rows: pa.Table, column: str, tokens: Iterable[str]) -> list[str]:
    wanted = pa.array(sorted(tokens), pa.string())
    if column not in rows.column_names or not len(wanted):
        return []
    found: list[str] = rows[column].filter(pc.is_in(rows[column], wanted)).unique().to_pylist()
    return found


def _mask(array: pa.ChunkedArray | pa.Array) -> Mask:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    mask: Mask = pc.fill_null(array, False).to_numpy(zero_copy_only=False).astype(np.bool_)
    return mask


def isoformat(day: date | None) -> str:
    return day.isoformat() if day else ""
