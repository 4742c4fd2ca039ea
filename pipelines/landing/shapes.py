"""What a feed of the landing contract is made of: its kind, form, columns and identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What one drop of a feed holds. A resend always replaces its whole drop."""

    EVENT = "event"  # things that happened; each row once, ever
    CHANGE = "change"  # the new state of an entity, effective from its change time
    SNAPSHOT = "snapshot"  # everything as it stands


class Form(StrEnum):
    CSV = "csv"  # header line, `"` quoting, one row a line
    JSONL = "jsonl"  # UTF-8, one object a line
    PARQUET = "parquet"


class Type(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    DOUBLE = "double"
    DECIMAL = "decimal"  # exact, at most 4 places; an amount in major units of its currency
    BOOLEAN = "boolean"
    DATE = "date"  # ISO YYYY-MM-DD
    LOCAL_TIME = "local_time"  # ISO `YYYY-MM-DD HH:MM:SS` in the operator's zone; raw holds UTC
    INSTANT = "instant"  # ISO `YYYY-MM-DDTHH:MM:SSZ` (JSONL) or timestamp (Parquet), UTC


class Identifier(StrEnum):
    """Kinds of personal identifier; each has its own linking key. NAME and FREE_TEXT never leave the door."""

    ACCOUNT = "account"
    SUBSCRIPTION = "subscription"
    MSISDN = "msisdn"
    IMSI = "imsi"
    NAME = "name"
    FREE_TEXT = "free_text"


class Money(StrEnum):
    """How an amount is written. Raw holds it beside, in major units of the house currency (`..._house`)."""

    MINOR = "minor"  # whole minor units of its currency: cents, pence, yen
    MAJOR = "major"  # decimal major units


@dataclass(frozen=True)
class Column:
    name: str
    type: Type
    meaning: str
    nullable: bool = False
    identifier: Identifier | None = None
    values: tuple[str, ...] = ()
    money: Money | None = None


@dataclass(frozen=True)
class Dialect:
    """How a sender writes what the contract asks for; the default is the contract's own way.

    `columns`: the sender's name by ours. `values`: by column, our word by the sender's ("" is no value). `constants`:
    by column, the text the sender does not send. `amounts_in_major`: amounts the contract has in minor units come in
    major ones.
    """

    encoding: str = "utf-8"
    delimiter: str = ";"
    decimal_mark: str = "."
    date_format: str | None = None
    time_format: str | None = None
    amounts_in_major: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    def sent(self, name: str) -> str:
        """The sender's name of a column."""
        return self.columns.get(name, name)

    def is_local(self, column: Column) -> bool:
        """Whether a column's times come in the operator's zone: what a declared form says, else what the contract."""
        if column.type not in (Type.LOCAL_TIME, Type.INSTANT):
            return False
        if self.time_format is None:
            return column.type is Type.LOCAL_TIME
        return "%z" not in self.time_format


@dataclass(frozen=True)
class Feed:
    """One feed: `landing/<source>/<name>/dt=YYYY-MM-DD/<name>.<form>` and its control file `<name>.<form>.ctl`.

    `event_time` names the column that says when a row happened: the date of an assumed knowledge date, and the
    bound of the not-in-the-future check. `vault` feeds define identifiers, so their clear forms go to the vault.
    `operator_column` names the column that says whose row it is; None where the estate says it for the whole feed.
    `currency_column` names the column of a row's currency (ISO 4217); without one it is the operator's.
    A strict feed is rejected for a column the contract does not have (a counter nobody mapped); others warn.
    """

    source: str
    name: str
    kind: Kind
    form: Form
    key: tuple[str, ...]
    event_time: str
    columns: tuple[Column, ...]
    schema_version: int = 1
    vault: bool = False
    is_strict: bool = False
    operator_column: str | None = None
    currency_column: str | None = None
    like: str | None = None  # the feed of the contract this one is mapped onto, for a sender with files of its own
    dialect: Dialect = Dialect()

    @property
    def shape(self) -> str:
        """The feed of the contract whose suite and raw table this one shares; its own id, unless it is mapped."""
        return self.like or self.id

    @property
    def sent(self) -> tuple[Column, ...]:
        """The columns that are in the sender's file."""
        return tuple(column for column in self.columns if column.name not in self.dialect.constants)

    @property
    def id(self) -> str:
        return f"{self.source}.{self.name}"

    @property
    def file_name(self) -> str:
        return f"{self.name}.{self.form.value}"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


S, I, D, M, B, DT, LT, TS = (  # noqa: E741
    Type.STRING, Type.INTEGER, Type.DOUBLE, Type.DECIMAL, Type.BOOLEAN, Type.DATE, Type.LOCAL_TIME, Type.INSTANT,
)
ACCOUNT_ID = Column("account_id", S, "the paying customer", identifier=Identifier.ACCOUNT)
SUBSCRIPTION_ID = Column("subscription_id", S, "one contract for one line", identifier=Identifier.SUBSCRIPTION)
MSISDN = Column("msisdn", S, "the line's number, E.164 with or without `+`", identifier=Identifier.MSISDN)
IMSI = Column("imsi", S, "the SIM's identity, 15 digits (3GPP TS 23.003)", identifier=Identifier.IMSI)
