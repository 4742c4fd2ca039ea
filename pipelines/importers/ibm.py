"""The public IBM Telco table as landing files of one US operator: everything up to a cut-off, then the leavers.

The table says how long each customer has been there, what they hold and have paid, and who left "last month". The
import puts the cut-off before that month: the dump of `as_of - 1` holds what was known by then and does not depend
on the Churn column; every leaver's end comes in the drop of its own day, in [as_of, as_of + 30).
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.clock import DAY, days
from pipelines.estate import Estate, FeedFacts, Operator, load
from pipelines.importers.drops import schema, write_drop
from pipelines.importers.homes import claim
from pipelines.importers.ibm_table import Customer, read
from pipelines.landing.contract import BY_ID, FEEDS
from pipelines.progress import Report, silent
from pipelines.settings import PROJECT

OPERATOR = "ibm"
LABEL_WINDOW = 30  # days over which last month's leavers are spread
LAST_DROP = 45  # days after the cut-off with a drop: the label window, 7 days of grace and a week to score in
BINDING_MONTHS = {"12m": 12, "24m": 24}
DELIVERED = tuple(f"billing_alpha.{name}" for name in ("accounts", "subscriptions", "products", "invoices"))

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Imported:
    """What an import wrote: the cut-off, the days with drops [first_dt, last_dt], and the counts people ask for."""

    as_of: date
    first_dt: date
    last_dt: date
    subscribers: int
    leavers: int
    tenure_zero: int
    rows: dict[str, int]
    estate_file: Path


def ibm_telco(file: Path, as_of: date, *, force: bool = False, report: Report = silent) -> Imported:
    """Write the table's landing files and its estate file into TELCO_HOME.

    Raises UsageError for a column or value the table should not have, and for a home that holds another estate.
    """
    customers = read(file)
    report(f"{file.name}: {len(customers)} customers")
    digest = sha256(file.read_bytes()).hexdigest()[:12]
    estate_file = claim(_estate(as_of), f"imported: IBM Telco table {digest}, cut-off {as_of}", force=force)
    drops = _drops([_Line(customer, number, as_of) for customer, number in _numbered(customers)], as_of)
    totals = dict.fromkeys(DELIVERED, 0)
    for dt in days(as_of - DAY, as_of + (LAST_DROP + 1) * DAY):
        for feed_id in totals:
            feed = BY_ID[feed_id]
            table = pa.Table.from_pylist(drops[dt].get(feed.name, []), schema=schema(feed))
            totals[feed_id] += write_drop(feed, dt, table)
    report(f"landed {sum(totals.values())} rows in {len(totals)} feeds, {as_of - DAY} to {as_of + LAST_DROP * DAY}")
    return Imported(
        as_of=as_of, first_dt=as_of - DAY, last_dt=as_of + LAST_DROP * DAY, subscribers=len(customers),
        leavers=sum(customer.has_left for customer in customers),
        tenure_zero=sum(customer.tenure_months == 0 for customer in customers), rows=totals, estate_file=estate_file,
    )


@dataclass(frozen=True)
class _Line:
    """One customer on the calendar of a cut-off."""

    customer: Customer
    msisdn: str
    as_of: date

    @property
    def subscription_id(self) -> str:
        return f"{self.customer.customer_id}-1"

    @property
    def started_on(self) -> date:
        return add_months(self.as_of, -self.customer.tenure_months)

    def binding_end(self, binding: int) -> date | None:
        """Last day of the n-th binding period, counted from 1: the clock renews by the same period."""
        months = BINDING_MONTHS.get(self.customer.contract_type)
        return add_months(self.started_on, months * binding) - DAY if months else None

    @property
    def running_binding(self) -> int:
        """The binding period the cut-off falls into."""
        return self.customer.tenure_months // BINDING_MONTHS.get(self.customer.contract_type, 1) + 1

    @property
    def renews_on(self) -> date | None:
        """First day of the next binding period, if a drop will come for it."""
        end = self.binding_end(self.running_binding)
        return end + DAY if end and end < self.as_of + LAST_DROP * DAY else None

    @property
    def leaves_on(self) -> date | None:
        """A leaver's day in the label window, from a hash of the customer number alone."""
        return self.as_of + _hash("ended", self.customer.customer_id) % LABEL_WINDOW * DAY \
            if self.customer.has_left else None

    def account(self) -> dict[str, Any]:
        customer = self.customer
        return {
            "account_id": customer.customer_id, "customer_name": None, "segment": "consumer", "region": "US",
            "age_band": "65_plus" if customer.is_senior else "under_65", "has_partner": customer.has_partner,
            "has_dependents": customer.has_dependents, "is_paperless": customer.is_paperless,
            "payment_method": customer.payment_method, "changed_at": _at(self.as_of - DAY),
        }

    def subscription(self, on: date) -> dict[str, Any]:
        """The state a change row of day `on` tells: as of the cut-off's eve, after a renewal, or at the end."""
        leaves = self.leaves_on
        is_end = leaves is not None and on == leaves
        binding = self.running_binding
        while (end := self.binding_end(binding)) is not None and end < on:
            binding += 1
        return {
            "subscription_id": self.subscription_id, "account_id": self.customer.customer_id, "msisdn": self.msisdn,
            "plan_code": _plan(self.customer.products), "contract_type": self.customer.contract_type,
            "price_cents": self.customer.monthly_cents, "started_on": self.started_on, "contract_end_on": end,
            "status": "ended" if is_end else "active", "ended_on": on if is_end else None,
            "end_reason": "cancellation" if is_end else None, "changed_at": _at(on),
        }

    def products(self) -> Rows:
        return [
            {"subscription_id": self.subscription_id, "product_code": code, "started_on": self.started_on,
             "ended_on": None, "changed_at": _at(self.as_of - DAY)}
            for code in self.customer.products
        ]

    def invoices(self) -> Rows:
        """One invoice a month, issued on the last day it bills; together they are TotalCharges to the cent."""
        tenure = self.customer.tenure_months
        amounts = monthly_amounts(self.customer.total_cents, self.customer.monthly_cents, tenure)
        own = {"account_id": self.customer.customer_id, "subscription_id": self.subscription_id, "currency": "USD"}
        return [
            {**own, "invoice_id": f"{self.customer.customer_id}-{month}", "amount_cents": amount, **period}
            for (month, period), amount in zip(_periods(self.as_of, tenure), amounts, strict=True)
        ]


def monthly_amounts(total: int, monthly: int, months: int) -> list[int]:
    """Cents of each month, oldest first, summing to `total`: the last is `monthly` where that leaves no negative rest.

    The table has the sum of the bills and the newest price, not the way between: the rest is spread evenly.
    """
    if months == 0:
        return []
    last = [monthly] if months > 1 and total >= monthly else []
    spread = months - len(last)
    each, odd = divmod(total - sum(last), spread)
    return [each + (month < odd) for month in range(spread)] + last


def add_months(day: date, months: int) -> date:
    """The same day of the month some months away, clipped to that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@cache  # 73 tenures, 7,043 customers
def _periods(as_of: date, tenure: int) -> tuple[tuple[str, dict[str, date]], ...]:
    """The months billed before the cut-off, oldest first: `YYYYMM` and the dates of that month's invoice."""
    edges = [add_months(as_of, month - tenure) for month in range(tenure + 1)]
    return tuple(
        (f"{first:%Y%m}", {"issued_on": stop - DAY, "period_start_on": first, "period_end_on": stop,
                           "due_on": stop + 13 * DAY})
        for first, stop in pairwise(edges)
    )


def _drops(lines: list[_Line], as_of: date) -> dict[date, dict[str, Rows]]:
    """Rows by drop day and feed, in customer order."""
    drops: dict[date, dict[str, Rows]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        dump = drops[as_of - DAY]
        dump["accounts"].append(line.account())
        dump["subscriptions"].append(line.subscription(as_of - DAY))
        dump["products"] += line.products()
        dump["invoices"] += line.invoices()
        leaves = line.leaves_on
        renews = line.renews_on
        if leaves:
            drops[leaves]["subscriptions"].append(line.subscription(leaves))
        if renews and (leaves is None or renews < leaves):
            drops[renews]["subscriptions"].append(line.subscription(renews))
    return drops


def _estate(as_of: date) -> Estate:
    """The facts of the table's operator; costs and retention are those of the repository's estate."""
    ours = load(PROJECT / "estate.toml")
    # UTC: the table has no times of day, so every change is a midnight, and UTC keeps that midnight on its own day.
    operator = Operator(currency="USD", time_zone="UTC", region="US", legal_basis="public research data")
    return Estate(
        name="ibm_telco", currency="USD",
        history_start=as_of - DAY, history_end=as_of + (LAST_DROP + 1) * DAY, first_cutoff=as_of,
        operators={OPERATOR: operator},
        feeds={feed.id: FeedFacts(operator=OPERATOR, delivered=feed.id in DELIVERED) for feed in FEEDS},
        cost_rates=ours.cost_rates, retention=ours.retention,
    )


def _numbered(customers: list[Customer]) -> list[tuple[Customer, str]]:
    """A made-up number for each customer: the table has none. No country has the code 999."""
    taken: set[str] = set()
    numbered = []
    for customer in customers:
        attempt = 0
        while (number := f"+99900{_hash(f'msisdn{attempt}', customer.customer_id) % 10**9:09d}") in taken:
            attempt += 1
        taken.add(number)
        numbered.append((customer, number))
    return numbered


def _plan(products: tuple[str, ...]) -> str:
    parts = [code for code in ("voice", "internet_dsl", "internet_fiber") if code in products]
    return "_".join(part.removeprefix("internet_") for part in parts) or "none"


def _hash(purpose: str, customer_id: str) -> int:
    return int.from_bytes(sha256(f"{purpose}|{customer_id}".encode()).digest()[:8], "big")


def _at(day: date) -> datetime:
    return datetime.combine(day, time())
