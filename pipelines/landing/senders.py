"""The feeds this house receives: the contract's own, and those the estate maps onto them for a sender's own files."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipelines.errors import UsageError
from pipelines.landing.contract import BY_ID
from pipelines.landing.shapes import Column, Dialect, Feed, Form, Money, Type

if TYPE_CHECKING:
    from pipelines.estate import FeedFacts

# Encodings in which an end of line is one byte that is nothing else: a drop can then be read in blocks of whole lines.
ENCODINGS = ("utf-8", "ascii", "iso8859-1", "iso8859-2", "iso8859-9", "iso8859-15", "cp1250", "cp1252")
_ID = re.compile(r"[a-z][a-z0-9_]{0,40}\.[a-z][a-z0-9_]{0,40}")
_MAPPINGS = ("form", "date_format", "time_format", "columns", "values", "constants")


def feed(feed_id: str) -> Feed:
    """A feed by id, as its sender writes it. Raises UsageError for one that neither contract nor estate has."""
    from pipelines.estate import estate

    facts = estate().feeds.get(feed_id)
    if facts is None:
        if feed_id in BY_ID:
            return BY_ID[feed_id]
        known = ", ".join([*BY_ID, *(name for name in estate().feeds if name not in BY_ID)])
        raise UsageError(f"no such feed: {feed_id!r}. The landing contract and this estate have {known}")
    return as_sent(feed_id, facts)


def as_sent(feed_id: str, facts: FeedFacts) -> Feed:
    """The feed with its sender's dialect."""
    own = BY_ID[facts.like or feed_id]
    source, _, name = feed_id.partition(".")
    return replace(
        own, source=source, name=name, like=facts.like, form=Form(facts.form) if facts.form else own.form,
        dialect=Dialect(
            encoding=codecs.lookup(facts.encoding).name, delimiter=facts.delimiter, decimal_mark=facts.decimal_mark,
            date_format=facts.date_format, time_format=facts.time_format, amounts_in_major=facts.amounts == "major",
            columns=facts.columns, values=facts.values, constants=facts.constants,
        ),
    )


def mapping_faults(feed_id: str, facts: FeedFacts) -> list[str]:
    """What is wrong with an estate's words on a feed; empty when it can be read."""
    if not _ID.fullmatch(feed_id):
        return ["a feed is named source.feed in lower case letters, digits and `_`"]
    if facts.like is None and feed_id not in BY_ID:
        return [f"not in the landing contract, which has {', '.join(BY_ID)}. A sender's own feed says which of them it "
                "is `like`"]
    if facts.like is not None and (facts.like not in BY_ID or feed_id in BY_ID):
        return [f"like = {facts.like!r}: must name a feed of the contract, and the feed itself must not be one"]
    own = BY_ID[facts.like or feed_id]
    if facts.like is None and any(getattr(facts, name) for name in _MAPPINGS):
        return [f"only a feed that is `like` another may set {', '.join(_MAPPINGS)}"]
    return [*_encoding_faults(facts), *_form_faults(own, facts), *_column_faults(own, facts)]


def _encoding_faults(facts: FeedFacts) -> Iterator[str]:
    try:
        name = codecs.lookup(facts.encoding).name
    except LookupError:
        name = ""
    if name not in ENCODINGS:
        yield f"encoding = {facts.encoding!r} is none of {', '.join(ENCODINGS)}"


def _form_faults(own: Feed, facts: FeedFacts) -> Iterator[str]:
    """A form says the whole day (strptime fills in the year 1900) and no name of a zone (it passes over those)."""
    sample = datetime(2026, 10, 25, 13, 14, tzinfo=UTC)
    midnight = sample.replace(hour=0, minute=0)  # a sender that writes only the day of a change means its midnight
    for key in ("date_format", "time_format"):
        form = getattr(facts, key)
        try:
            read = datetime.strptime(sample.strftime(form), form).replace(tzinfo=UTC) if form else sample
        except ValueError:
            read = None
        if read not in (sample, midnight) or (form and "%Z" in form):
            yield (f"{key} = {form!r} does not say day, month and year, or only part of the time: write it as strptime "
                   "does, such as %d.%m.%Y" + (" %H:%M:%S" if key == "time_format" else ""))
    if facts.amounts == "major" and not any(column.money is Money.MINOR for column in own.columns):
        yield f"amounts: {own.id} has no amount in minor units"


def _column_faults(own: Feed, facts: FeedFacts) -> Iterator[str]:
    columns = {column.name: column for column in own.columns}
    for table in ("columns", "values", "constants"):
        unknown = sorted(set(getattr(facts, table)) - set(columns))
        if unknown:
            yield f"{table}: {own.id} has no column {', '.join(unknown)}; it has {', '.join(columns)}"
    twice = set(facts.columns) & set(facts.constants)
    if twice:
        yield f"constants: {', '.join(sorted(twice))} cannot be a constant and a column of the file"
    sent = [facts.columns.get(name, name) for name in columns if name not in facts.constants]
    same = sorted({name for name in sent if sent.count(name) > 1})
    if same:
        yield f"columns: {', '.join(same)} of the file would be two of our columns"
    for name, word in facts.constants.items():
        if word == "" and name in columns and not columns[name].nullable:
            yield f"constants.{name}: must not be empty"
    for name, words in facts.values.items():
        yield from _value_faults(columns.get(name), words)
    for name, word in facts.constants.items():
        if word and name in columns and columns[name].values and word not in columns[name].values:
            yield f"constants.{name}: {word!r} is none of {', '.join(columns[name].values)}"


def _value_faults(column: Column | None, words: dict[str, str]) -> Iterator[str]:
    if column is None:
        return
    allowed = set(column.values) or ({"true", "false"} if column.type is Type.BOOLEAN else set())
    wrong = sorted(word for word in words.values() if allowed and word not in allowed | {""})
    if wrong:
        yield f"values.{column.name}: {', '.join(wrong)} is none of {', '.join(sorted(allowed))}"
