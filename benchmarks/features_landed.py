"""What a house was told, as plain Python values: the dropped files, read without the house's own code.

Read as docs/reference/landing_contract.md says they are written: local times become UTC, amounts exact fractions of the
house currency, bravo's codes the house's words, and every row carries the day from which it is known. Only what speaks
of the subscribers asked for is kept, indexed by what features ask for.
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
Line = tuple[str, str]  # operator and the operator's own number of a subscription or an account
Row = dict[str, Any]

SEGMENTS = {"R": "consumer", "B": "business"}
STATES = {"A": "active", "B": "suspended", "T": "ended"}
CHANNELS = {"SEPA": "bank_transfer", "CARD": "credit_card", "TRANSFER": "electronic_check", "CASH": "mailed_check",
            "VOUCHER": "top_up"}
PRODUCTS = {"VOX": "voice", "XL": "multiple_lines", "DATA": "mobile_data", "NET-C": "internet_dsl",
            "NET-F": "internet_fiber", "SEC": "online_security", "BAK": "online_backup", "DEV": "device_protection",
            "SUP": "tech_support", "TV": "streaming_tv", "MOV": "streaming_movies"}


class Terms(NamedTuple):
    """A state of a subscription. `addons` are held beside the plan; None where holdings have a feed of their own."""

    line: Line
    account: Line
    number: str
    plan: str
    addons: frozenset[str] | None
    contract_type: str
    price: Fraction
    started_on: date
    contract_end_on: date | None
    status: str
    ended_on: date | None
    changed_at: datetime
    known_on: date


class Customer(NamedTuple):
    """A state of a paying customer."""

    account: Line
    segment: str
    payment_method: str
    is_paperless: bool | None
    has_partner: bool | None
    has_dependents: bool | None
    changed_at: datetime
    known_on: date


class Product(NamedTuple):
    """A state of a product that a line holds, or held until `ended_on`."""

    line: Line
    code: str
    started_on: date
    ended_on: date | None
    changed_at: datetime
    known_on: date


class Plan(NamedTuple):
    """What is in a plan by one price list."""

    operator: str
    plan: str
    codes: frozenset[str]
    valid_at: datetime
    known_on: date


class Invoice(NamedTuple):
    line: Line
    number: str
    issued_on: date
    from_on: date
    to_on: date
    due_on: date
    amount: Fraction
    known_on: date


class Payment(NamedTuple):
    """One attempt to pay an invoice of the same operator."""

    operator: str
    invoice: str
    paid_at: datetime
    amount: Fraction
    is_paid: bool
    known_on: date


class Use(NamedTuple):
    """A number's use on one local day, and its most used cells with their shares."""

    number: str
    on: date
    data_kb: int
    voice_s: int
    sms: int
    calls: int
    dropped: int
    roaming_kb: int
    cells: tuple[tuple[str, float], ...]
    known_on: date

    @property
    def is_use(self) -> bool:
        return max(self.data_kb, self.voice_s, self.sms, self.calls, self.roaming_kb) > 0


class Event(NamedTuple):
    """Something that happened to a number or its SIM."""

    number: str
    kind: str
    at: datetime
    known_on: date


class Contact(NamedTuple):
    """A ticket, call or chat."""

    number: str
    at: datetime
    topic: str
    is_resolved: bool
    is_complaint: bool
    wait_s: int
    known_on: date


class Complaint(NamedTuple):
    """A state of a complaint."""

    number: str
    complaint: str
    status: str
    changed_at: datetime
    known_on: date


@dataclass
class Landed:
    """Everything told of the subscribers asked for. Terms are everybody's: an account and a number have others too."""

    terms: dict[Line, list[Terms]] = field(default_factory=lambda: defaultdict(list))
    lines_of_account: dict[Line, set[Line]] = field(default_factory=lambda: defaultdict(set))
    lines_of_number: dict[str, set[Line]] = field(default_factory=lambda: defaultdict(set))
    customers: dict[Line, list[Customer]] = field(default_factory=lambda: defaultdict(list))
    products: dict[Line, list[Product]] = field(default_factory=lambda: defaultdict(list))
    plans: dict[tuple[str, str], list[Plan]] = field(default_factory=lambda: defaultdict(list))
    invoices: dict[Line, list[Invoice]] = field(default_factory=lambda: defaultdict(list))
    payments: dict[tuple[str, str], list[Payment]] = field(default_factory=lambda: defaultdict(list))
    use: dict[str, list[Use]] = field(default_factory=lambda: defaultdict(list))
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    contacts: dict[str, list[Contact]] = field(default_factory=lambda: defaultdict(list))
    complaints: dict[str, list[Complaint]] = field(default_factory=lambda: defaultdict(list))
    cost_rates: dict[str, Fraction] = field(default_factory=dict)
    feeds: frozenset[str] = frozenset()

    def numbers(self, lines: set[Line]) -> set[str]:
        """Every number these subscriptions ever had."""
        return {terms.number for line in lines for terms in self.terms[line]}


class Drops:
    """The files of one home, with the estate's facts. Only first versions: a house whose senders never corrected."""

    def __init__(self, home: Path) -> None:
        self.landing = home / "landing"
        self.facts = tomllib.loads((home / "estate.toml").read_text())

    def files(self, feed: str) -> Iterator[tuple[Path, Callable[[date], date]]]:
        """Each data file of a feed, oldest first, with the rule from a row's own day to the day it is known.

        A daily drop is known from the day after it. A row of a day-zero dump is taken to have been known the day after
        its event plus the feed's assumed lag, and no later than the day after the dump.
        """
        lag = timedelta(days=self.facts["feeds"][feed].get("assumed_lag_days", 0))
        for control in sorted(self.landing.joinpath(*feed.split(".")).glob("dt=*/*.ctl")):
            said = json.loads(control.read_text())
            if said["rows"]:
                after = date.fromisoformat(said["dt"]) + DAY
                is_dump = said.get("day_zero", False)
                yield control.with_suffix(""), _rule(after, lag if is_dump else None)

    def rows(self, feed: str) -> Iterator[tuple[Row, Callable[[date], date]]]:
        """Each row of a CSV or JSON lines feed with its file's rule; '' of CSV is None."""
        encoding = self.facts["feeds"][feed].get("encoding", "utf-8")
        for path, known in self.files(feed):
            with path.open(encoding=encoding, newline="") as lines:
                if path.suffix == ".csv":
                    for row in csv.DictReader(lines, delimiter=";"):
                        yield {name: value or None for name, value in row.items()}, known
                else:
                    for line in lines:
                        yield json.loads(line, parse_float=Fraction), known

    def local(self, operator: str, written: str) -> datetime:
        """A local time of an operator as UTC."""
        zone = ZoneInfo(self.facts["operators"][operator]["time_zone"])
        return datetime.fromisoformat(written).replace(tzinfo=zone).astimezone(UTC)

    def house(self, amount: Fraction, currency: str, on: date) -> Fraction:
        """An amount of major units in the house currency, by the rate in force on its day, to four places."""
        if currency == self.facts["currency"]:
            return amount
        rate = max((rate for rate in self.facts["exchange_rates"]
                    if rate["currency"] == currency and rate["valid_from"] <= on), key=lambda rate: rate["valid_from"])
        return round(amount * Fraction(str(rate["rate"])), 4)

    def own_currency(self, operator: str) -> str:
        return str(self.facts["operators"][operator]["currency"])


def _rule(after: date, lag: timedelta | None) -> Callable[[date], date]:
    if lag is None:
        return lambda event_on: after
    return lambda event_on: min(after, event_on + DAY + lag)


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))


def optional_day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def codes(written: str | None) -> frozenset[str]:
    """VOX|DATA as products of the house; a code without a word of the house keeps its own."""
    return frozenset(PRODUCTS.get(code, code) for code in (written or "").split("|") if code)


def digits(number: str) -> str:
    """A telephone number without the marks some senders put before it."""
    return number.lstrip("+")


def read_terms(drops: Drops) -> Landed:
    """Every subscription's terms, customers and plans: small, and needed to know who anybody is."""
    landed = Landed()
    landed.feeds = frozenset(name for name, facts in drops.facts["feeds"].items() if facts.get("delivered", True))
    landed.cost_rates = {code: Fraction(cents, 100) for code, cents in drops.facts["cost_rates"].items()}
    for terms in (*_alpha_terms(drops), *_bravo_terms(drops, landed)):
        landed.terms[terms.line].append(terms)
        landed.lines_of_account[terms.account].add(terms.line)
        landed.lines_of_number[terms.number].add(terms.line)
    for row, known in drops.rows("billing_alpha.accounts"):
        landed.customers["alpha", row["account_id"]].append(Customer(
            ("alpha", row["account_id"]), row["segment"], row["payment_method"], _flag(row["is_paperless"]),
            _flag(row["has_partner"]), _flag(row["has_dependents"]), drops.local("alpha", row["changed_at"]),
            known(date.fromisoformat(row["changed_at"][:10])),
        ))
    for row, known in drops.rows("billing_bravo.plans"):
        at = utc(row["valid_at"])
        landed.plans["bravo", row["tariff_id"]].append(
            Plan("bravo", row["tariff_id"], codes(row["components"]), at, known(at.date())))
    return landed


def _flag(written: str | None) -> bool | None:
    return None if written is None else written == "true"


def _alpha_terms(drops: Drops) -> Iterator[Terms]:
    for row, known in drops.rows("billing_alpha.subscriptions"):
        on = date.fromisoformat(row["changed_at"][:10])
        changed_at = drops.local("alpha", row["changed_at"])
        price = drops.house(Fraction(int(row["price_cents"]), 100), drops.own_currency("alpha"), on)
        yield Terms(
            ("alpha", row["subscription_id"]), ("alpha", row["account_id"]), digits(row["msisdn"]), row["plan_code"],
            None, row["contract_type"], price, date.fromisoformat(row["started_on"]),
            optional_day(row["contract_end_on"]), row["status"],
            _ended(row["status"] == "ended", row["ended_on"], changed_at), changed_at, known(on),
        )


def _bravo_terms(drops: Drops, landed: Landed) -> Iterator[Terms]:
    """Bravo's lines; each tells of its customer too, which is kept on the way."""
    for row, known in drops.rows("billing_bravo.subscribers"):
        changed_at = utc(row["modified_at"])
        account = ("bravo", row["customer_no"])
        known_on = known(changed_at.date())
        persons = row["household"]
        landed.customers[account].append(Customer(
            account, SEGMENTS[row["customer_class"]], CHANNELS[row["pay_channel"]], row["e_bill"],
            None if persons is None else persons >= 2, None if persons is None else persons >= 3, changed_at, known_on,
        ))
        price = drops.house(Fraction(row["fee"]), drops.own_currency("bravo"), changed_at.date())
        yield Terms(
            ("bravo", row["sub_ref"]), account, digits(row["msisdn"]), row["tariff_id"], codes(row["addons"]),
            _binding(row["pay_mode"], row["term_months"]), price, date.fromisoformat(row["activated_on"]),
            optional_day(row["commit_until"]), STATES[row["state"]],
            _ended(row["state"] == "T", row["terminated_on"], changed_at), changed_at, known_on,
        )


def _ended(is_ended: bool, on: str | None, changed_at: datetime) -> date | None:
    """An end without its day took effect when the change did; a day without an end is a notice."""
    if not is_ended:
        return None
    return optional_day(on) or changed_at.date()


def _binding(pay_mode: str, months: int) -> str:
    if pay_mode == "PRE":
        return "prepaid"
    return "monthly" if months <= 1 else "12m" if months <= 12 else "24m"


def read_rows(drops: Drops, landed: Landed, lines: set[Line]) -> None:
    """Add to `landed` what was told of these subscriptions and of the numbers they ever had."""
    _products_and_invoices(drops, landed, lines)
    _payments(drops, landed)
    numbers = landed.numbers(lines)
    for row, known in drops.rows("care.interactions"):
        if (number := digits(row["msisdn"])) in numbers:
            at = utc(row["opened_at"])
            landed.contacts[number].append(Contact(number, at, row["topic"], row["is_resolved"], row["is_complaint"],
                                                   row["wait_seconds"], known(at.date())))
    for row, known in drops.rows("care.complaints"):
        if (number := digits(row["msisdn"])) in numbers:
            at = utc(row["changed_at"])
            landed.complaints[number].append(
                Complaint(number, row["complaint_id"], row["status"], at, known(at.date())))
    for row, known in _of_numbers(drops, "network.number_events", numbers):
        at = row["occurred_at"].replace(tzinfo=UTC)
        landed.events[row["msisdn"]].append(Event(row["msisdn"], row["event"], at, known(at.date())))
    for row, known in _of_numbers(drops, "network.usage_daily", numbers):
        cells = tuple((row[f"cell_{place}_id"], row[f"cell_{place}_share"]) for place in (1, 2, 3)
                      if row[f"cell_{place}_id"] is not None)
        landed.use[row["msisdn"]].append(Use(
            row["msisdn"], row["usage_on"], row["data_kb"], row["voice_seconds"], row["sms_count"], row["calls"],
            row["calls_dropped"], row["roaming_kb"], cells, known(row["usage_on"]),
        ))


def _products_and_invoices(drops: Drops, landed: Landed, lines: set[Line]) -> None:
    for row, known in drops.rows("billing_alpha.products"):
        if (line := ("alpha", row["subscription_id"])) in lines:
            landed.products[line].append(Product(
                line, row["product_code"], date.fromisoformat(row["started_on"]), optional_day(row["ended_on"]),
                drops.local("alpha", row["changed_at"]), known(date.fromisoformat(row["changed_at"][:10])),
            ))
    for row, known in drops.rows("billing_alpha.invoices"):
        if (line := ("alpha", row["subscription_id"])) in lines:
            on = date.fromisoformat(row["issued_on"])
            landed.invoices[line].append(Invoice(
                line, row["invoice_id"], on, date.fromisoformat(row["period_start_on"]),
                date.fromisoformat(row["period_end_on"]), date.fromisoformat(row["due_on"]),
                drops.house(Fraction(int(row["amount_cents"]), 100), row["currency"], on), known(on),
            ))
    for row, known in drops.rows("billing_bravo.bills"):
        if (line := ("bravo", row["sub_ref"])) in lines:
            on = utc(row["issued_at"]).date()
            landed.invoices[line].append(Invoice(
                line, row["bill_no"], on, date.fromisoformat(row["from_on"]), date.fromisoformat(row["to_on"]),
                date.fromisoformat(row["due_on"]), drops.house(Fraction(row["total"]), row["currency"], on), known(on),
            ))


def _payments(drops: Drops, landed: Landed) -> None:
    wanted = {(line[0], invoice.number) for line, invoices in landed.invoices.items() for invoice in invoices}
    for row, known in drops.rows("billing_alpha.payments"):
        if (paid := ("alpha", row["invoice_id"])) in wanted:
            on = date.fromisoformat(row["paid_at"][:10])
            amount = drops.house(Fraction(int(row["amount_cents"]), 100), drops.own_currency("alpha"), on)
            landed.payments[paid].append(Payment(
                *paid, drops.local("alpha", row["paid_at"]), amount, row["status"] == "ok", known(on)))
    for row, known in drops.rows("billing_bravo.payments"):
        if (paid := ("bravo", row["bill_no"])) in wanted:
            at = utc(row["booked_at"])
            amount = drops.house(Fraction(row["total"]), row["currency"], at.date())
            landed.payments[paid].append(Payment(*paid, at, amount, row["result"] == "OK", known(at.date())))


def _of_numbers(drops: Drops, feed: str, numbers: set[str]) -> Iterator[tuple[Row, Callable[[date], date]]]:
    """Rows of a Parquet feed about these numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = pa.array(sorted(numbers), pa.string())
    for path, known in drops.files(feed):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1_000_000):
            told = batch["msisdn"].cast(pa.string())
            for row in batch.filter(pc.is_in(told, wanted)).to_pylist():
                yield row, known
