"""The landing contract as data: every feed's columns, types, identifiers and form. The docs table is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What one drop of a feed holds. A resend always replaces its whole drop."""

    EVENT = "event"  # things that happened; each row once, ever
    CHANGE = "change"  # the new state of an entity, effective from its change time
    SNAPSHOT = "snapshot"  # everything as it stands


class Form(StrEnum):
    CSV = "csv"  # UTF-8, `;`, header line, `"` quoting, amounts in cents, local time
    JSONL = "jsonl"  # UTF-8, one object a line, UTC instants
    PARQUET = "parquet"


class Type(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"  # ISO YYYY-MM-DD
    LOCAL_TIME = "local_time"  # ISO `YYYY-MM-DD HH:MM:SS` in the operator's zone; raw holds UTC
    INSTANT = "instant"  # ISO `YYYY-MM-DDTHH:MM:SSZ` (JSONL) or timestamp (Parquet), UTC


class Identifier(StrEnum):
    """Kinds of personal identifier; each has its own linking key. NAME and FREE_TEXT never leave the door."""

    ACCOUNT = "account"
    SUBSCRIPTION = "subscription"
    MSISDN = "msisdn"
    NAME = "name"
    FREE_TEXT = "free_text"


@dataclass(frozen=True)
class Column:
    name: str
    type: Type
    meaning: str
    nullable: bool = False
    identifier: Identifier | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """One feed: `landing/<source>/<name>/dt=YYYY-MM-DD/<name>.<form>` and its control file `<name>.<form>.ctl`.

    `event_time` names the column that says when a row happened: the date of an assumed knowledge date, and the
    bound of the not-in-the-future check. `vault` feeds define identifiers, so their clear forms go to the vault.
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

    @property
    def id(self) -> str:
        return f"{self.source}.{self.name}"

    @property
    def file_name(self) -> str:
        return f"{self.name}.{self.form.value}"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


S, I, D, B, DT, LT, TS = (  # noqa: E741
    Type.STRING, Type.INTEGER, Type.DOUBLE, Type.BOOLEAN, Type.DATE, Type.LOCAL_TIME, Type.INSTANT,
)
ACCOUNT_ID = Column("account_id", S, "the paying customer", identifier=Identifier.ACCOUNT)
SUBSCRIPTION_ID = Column("subscription_id", S, "one contract for one line", identifier=Identifier.SUBSCRIPTION)
MSISDN = Column("msisdn", S, "the line's number, E.164 with or without `+`", identifier=Identifier.MSISDN)

CONTRACT_TYPES = ("prepaid", "monthly", "12m", "24m")
PAYMENT_METHODS = ("electronic_check", "mailed_check", "bank_transfer", "credit_card", "top_up")
PRODUCTS = (
    "voice", "multiple_lines", "mobile_data", "internet_dsl", "internet_fiber", "online_security", "online_backup",
    "device_protection", "tech_support", "streaming_tv", "streaming_movies",
)

FEEDS: tuple[Feed, ...] = (
    Feed(
        "billing_alpha", "accounts", Kind.CHANGE, Form.CSV, ("account_id", "changed_at"), "changed_at", vault=True,
        columns=(
            ACCOUNT_ID,
            Column("customer_name", S, "never leaves the door", nullable=True, identifier=Identifier.NAME),
            Column("segment", S, "consumer or business", values=("consumer", "business")),
            Column("region", S, "sales region"),
            Column("age_band", S, "for fairness slices; never a feature", values=("under_65", "65_plus", "unknown")),
            Column("has_partner", B, "household", nullable=True),
            Column("has_dependents", B, "household", nullable=True),
            Column("is_paperless", B, "bills by e-mail", nullable=True),
            Column("payment_method", S, "how bills are paid", values=PAYMENT_METHODS),
            Column("changed_at", LT, "from when this state holds"),
        ),
    ),
    Feed(
        "billing_alpha", "subscriptions", Kind.CHANGE, Form.CSV, ("subscription_id", "changed_at"), "changed_at",
        vault=True,
        columns=(
            SUBSCRIPTION_ID,
            ACCOUNT_ID,
            MSISDN,
            Column("plan_code", S, "tariff"),
            Column("contract_type", S, "binding period", values=CONTRACT_TYPES),
            Column("price_cents", I, "monthly list price of the plan with its products, minor units"),
            Column("started_on", DT, "first day of service"),
            Column("contract_end_on", DT, "last day of the binding period; empty without one", nullable=True),
            Column("status", S, "state", values=("active", "suspended", "ended")),
            Column("ended_on", DT, "day the subscription ended", nullable=True),
            Column("end_reason", S, "why it ended", nullable=True,
                   values=("cancellation", "port_out", "non_payment")),
            Column("changed_at", LT, "from when this state holds"),
        ),
    ),
    Feed(
        "billing_alpha", "products", Kind.CHANGE, Form.CSV, ("subscription_id", "product_code", "changed_at"),
        "changed_at",
        columns=(
            SUBSCRIPTION_ID,
            Column("product_code", S, "add-on or service", values=PRODUCTS),
            Column("started_on", DT, "first day held"),
            Column("ended_on", DT, "day it was given up", nullable=True),
            Column("changed_at", LT, "from when this state holds"),
        ),
    ),
    Feed(
        "billing_alpha", "invoices", Kind.EVENT, Form.CSV, ("invoice_id",), "issued_on",
        columns=(
            Column("invoice_id", S, "invoice number"),
            ACCOUNT_ID,
            SUBSCRIPTION_ID,
            Column("issued_on", DT, "invoice date"),
            Column("period_start_on", DT, "first day billed"),
            Column("period_end_on", DT, "day after the last day billed"),
            Column("due_on", DT, "due date"),
            Column("amount_cents", I, "net billed, minor units; negative for a credit note"),
            Column("currency", S, "ISO 4217"),
        ),
    ),
    Feed(
        "billing_alpha", "payments", Kind.EVENT, Form.CSV, ("payment_id",), "paid_at",
        columns=(
            Column("payment_id", S, "payment number"),
            Column("invoice_id", S, "invoice it pays"),
            ACCOUNT_ID,
            Column("paid_at", LT, "when the attempt was booked"),
            Column("amount_cents", I, "minor units"),
            Column("status", S, "outcome", values=("ok", "failed")),
        ),
    ),
    Feed(
        "network", "usage_daily", Kind.EVENT, Form.PARQUET, ("msisdn", "usage_on"), "usage_on",
        columns=(
            MSISDN,
            Column("usage_on", DT, "local day of use"),
            Column("data_kb", I, "data volume up and down, kB (1024 bytes)"),
            Column("voice_seconds", I, "outgoing and incoming talk time"),
            Column("sms_count", I, "messages sent"),
            Column("calls", I, "calls attempted"),
            Column("calls_dropped", I, "calls lost after set-up (retainability, 3GPP TS 32.425)"),
            Column("roaming_kb", I, "data volume abroad, kB"),
        ),
    ),
    Feed(
        "care", "interactions", Kind.EVENT, Form.JSONL, ("interaction_id",), "opened_at",
        columns=(
            Column("interaction_id", S, "ticket, call or chat number"),
            MSISDN,
            Column("channel", S, "how", values=("call", "chat", "ticket")),
            Column("topic", S, "what about",
                   values=("billing", "network", "contract", "device", "other")),
            Column("opened_at", TS, "start"),
            Column("is_resolved", B, "settled within the interaction"),
            Column("is_complaint", B, "logged as a complaint"),
            Column("wait_seconds", I, "time until answered"),
            Column("text", S, "free text; dropped at the door", nullable=True, identifier=Identifier.FREE_TEXT),
        ),
    ),
)

BY_ID: dict[str, Feed] = {feed.id: feed for feed in FEEDS}
SOURCES: tuple[str, ...] = tuple(dict.fromkeys(feed.source for feed in FEEDS))

# Columns every raw row carries beside the feed's own (see docs/reference/landing_contract.md).
#   operator         string  operator of the source, from the estate ("alpha")
#   dt               string  drop day
#   drop_version     int32   1 for the first accepted file of the drop, 2.. for corrections
#   known_on         date    first as_of that may see the row
#   is_known_assumed bool    true for rows of a day-zero dump
RAW_COLUMNS = ("operator", "dt", "drop_version", "known_on", "is_known_assumed")
