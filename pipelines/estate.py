"""The estate file, typed: operators, feeds, cost rates, history. An unknown key is an error that names it."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.errors import UsageError
from pipelines.settings import settings

LONGEST_WINDOW = timedelta(days=90)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Operator(_Strict):
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: str
    region: str
    legal_basis: str = Field(min_length=1)

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is not a time zone of the tz database, such as Europe/Vienna or UTC") from None
        return name


class FeedFacts(_Strict):
    """What the estate says of one feed: of the contract, or one that is `like` a feed of the contract.

    A feed of the contract's own shape needs nothing below `encoding`. The rest maps a sender's file: `columns` gives
    the sender's name for ours, `values` the sender's words and ours by column, `constants` what the sender does not
    send.
    """

    operator: str
    delivered: bool = True  # false: this operator has no such feed; its features are NULL, never zero
    mandatory: bool = True
    deadline: str = Field(default="06:00", pattern=r"^\d{2}:\d{2}$")
    assumed_lag_days: int = Field(default=0, ge=0)
    encoding: str = "utf-8"  # of CSV; JSON lines are UTF-8 (RFC 8259)
    like: str | None = None  # the feed of the contract whose rows these are
    form: Literal["csv", "jsonl", "parquet"] | None = None
    delimiter: str = Field(default=";", pattern=r"^[^\w\s\"]$|^\t$")
    decimal_mark: Literal[".", ","] = "."
    date_format: str | None = None  # strptime, where days are not ISO
    time_format: str | None = None  # strptime, where local times and instants are not ISO
    amounts: Literal["as_contract", "major"] = "as_contract"  # major: 29.99 where the contract has 2999
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}


class ExchangeRate(_Strict):
    """From `valid_from` on, one unit of `currency` is `rate` units of the house currency."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    rate: Decimal = Field(gt=0)


# What a build of a new as_of may still read: invoices of a year, and the longest label before it is known.
LONGEST_MEMORY = timedelta(days=365)
LONGEST_LABEL = timedelta(days=127)


class Retention(_Strict):
    """Days by class; none: kept. `retrain`: how long a version may stand that was trained on an erased person.

    What somebody may still be trained on cannot be given up: raw/ must reach back as far as a build reads, features
    and scores as far as the longest label takes to be known.
    """

    landing: int = Field(default=30, ge=1)
    quarantine: int = Field(default=90, ge=1)
    raw: int | None = None
    features: int | None = None
    scores: int | None = None
    reports: int = Field(default=400, ge=1)
    logs: int = Field(default=400, ge=1)
    retrain: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _reaches_back(self) -> Retention:
        least = {"raw": (LONGEST_MEMORY + LONGEST_LABEL).days, "features": LONGEST_LABEL.days,
                 "scores": LONGEST_LABEL.days}
        for name, days in least.items():
            found = getattr(self, name)
            if found is not None and found < days:
                raise ValueError(f"{name} = {found} days is shorter than the {days} that features and labels still "
                                 f"read; write {days} or more, or leave {name} out to keep it")
        return self


class Contact(_Strict):
    """The contact policy, in days: how long somebody is left alone after a contact, and how long somebody held out of a
    campaign stays out of every list, so that what the campaign did can be measured."""

    rest: int = Field(default=30, ge=0)
    hold_out: int = Field(default=90, ge=0)


class Estate(_Strict):
    name: str
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")  # of the house: margins, values and reports are in it
    history_start: date
    history_end: date | None = None
    first_cutoff: date | None = None
    scores_by: str = Field(default="08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")  # UTC, on the day of the as_of
    promotion: Literal["automatic", "approval"] = "automatic"  # of a challenger whose shadow nights are well over
    operators: dict[str, Operator]
    feeds: dict[str, FeedFacts]
    cost_rates: dict[str, int]
    retention: Retention = Retention()
    contact: Contact = Contact()
    exchange_rates: tuple[ExchangeRate, ...] = ()

    @model_validator(mode="after")
    def _names_agree(self) -> Estate:
        from pipelines.landing.contract import PRODUCTS
        from pipelines.landing.senders import mapping_faults

        for name, facts in self.feeds.items():
            wrong = mapping_faults(name, facts)
            if wrong:
                raise ValueError(f"feeds.{name}: {'; '.join(wrong)}")
            if facts.operator not in self.operators:
                raise ValueError(f"feeds.{name}: operator {facts.operator!r} is not one of {sorted(self.operators)}")
        unknown = set(self.cost_rates) - set(PRODUCTS) - {"base"}
        if unknown:
            raise ValueError(f"cost_rates: no such product {sorted(unknown)}")
        return self

    @property
    def training_start(self) -> date:
        """The first as_of fit to be a training cut-off, and the anchor of the grid of cut-offs."""
        return self.first_cutoff or self.history_start + LONGEST_WINDOW

    def delivered(self, source: str | None = None) -> list[str]:
        """Ids of the feeds that are expected, of one source or of all, in the contract's order."""
        from pipelines.landing.contract import FEEDS

        own = [feed.id for feed in FEEDS if feed.id in self.feeds]
        mapped = sorted(name for name in self.feeds if self.feeds[name].like)
        return [
            name for name in own + mapped
            if self.feeds[name].delivered and source in (None, name.partition(".")[0])
        ]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that deliver at least one feed, in the order of their feeds."""
        return tuple(dict.fromkeys(name.partition(".")[0] for name in self.delivered()))

    def rate(self, currency: str, on: date) -> Decimal | None:
        """Units of the house currency for one unit of `currency` on a day; None where the estate has no rate."""
        if currency == self.currency:
            return Decimal(1)
        dated = [rate for rate in self.exchange_rates if rate.currency == currency and rate.valid_from <= on]
        return max(dated, key=lambda rate: rate.valid_from).rate if dated else None

    def expects(self, dt: date) -> bool:
        """Whether drops are expected for this day at all."""
        return dt >= self.history_start and (self.history_end is None or dt < self.history_end)


def load(path: Path) -> Estate:
    """Read one estate file. Raises UsageError naming the file, the key and what is wrong with it."""
    try:
        return Estate.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UsageError(f"no estate file at {path}. Set TELCO_ESTATE or write one (see estate.toml)") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}. Mend it, then: telco doctor") from None
    except ValidationError as error:
        wrong = "; ".join(map(_worded, error.errors()))
        raise UsageError(f"{path}: {wrong}. Mend it, then: telco doctor") from None


def _worded(wrong: Any) -> str:
    """What is wrong with the estate in our words: where, and what would be right."""
    where = ".".join(map(str, wrong["loc"])) or "estate"
    if wrong["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {
            "feeds": FeedFacts, "operators": Operator, "exchange_rates": ExchangeRate, "retention": Retention,
            "contact": Contact,
        }
        kind = tables.get(str(wrong["loc"][0]), Estate) if len(wrong["loc"]) > 1 else Estate
        return f"unknown key {where}; known here: {', '.join(kind.model_fields)}"
    if wrong["type"] == "missing":
        return f"{where} is missing"
    if wrong["loc"] and wrong["loc"][0] == "cost_rates":
        return f"{where}: cost rates are whole cents by product; does another table's key stand below [cost_rates]?"
    return f"{where}: {str(wrong['msg']).removeprefix('Value error, ')}"


@lru_cache(maxsize=4)
def _cached(path: Path, modified_ns: int) -> Estate:
    return load(path)


def estate() -> Estate:
    """The estate of this home."""
    path = settings().estate_file
    return _cached(path, path.stat().st_mtime_ns if path.exists() else 0)
