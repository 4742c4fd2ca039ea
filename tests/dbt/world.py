"""A small raw world told in sentences: `world.subscriber("s1").uses(mb=40, on="2026-03-01")`.

Files have the door's form and schema (raw/<source>/<feed>/dt=D/data.parquet and the manifest); a column no sentence
speaks of is NULL. Amounts get their twin in the house currency by the rates of the estate.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.clock import days
from pipelines.estate import estate
from pipelines.landing.contract import BY_ID, FEEDS, Feed, Money
from pipelines.landing.raw import house_name, schema
from pipelines.publish import Dataset, Entry, sha256
from pipelines.settings import settings

DAY = timedelta(days=1)

def day(text: str | date) -> date:
    return text if isinstance(text, date) else date.fromisoformat(text)


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 12)


class World:
    """Rows by feed, each with the day it happened and the day its drop came; `write()` makes raw/ of them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {feed.id: [] for feed in FEEDS}
        self.serial = 0

    def subscriber(self, name: str, since: str = "2026-01-10", **terms: Any) -> Subscriber:
        return Subscriber(self, name, day(since), terms)

    def line(self, name: str, since: str = "2026-01-10", **terms: Any) -> Line:
        """A subscriber of operator bravo."""
        return Line(self, name, day(since), terms)

    def plan(self, on: str, tariff: str, components: str) -> None:
        """One line of bravo's list of plans of that day."""
        self.add("billing_bravo.plans", day(on), None, {
            "tariff_id": tariff, "tariff_name": tariff, "monthly_fee": Decimal(20), "currency": "GBP",
            "components": components, "valid_at": noon(day(on)),
        })

    def add(self, feed_id: str, happened: date, dropped: str | date | None, values: dict[str, Any]) -> None:
        """One row in the drop of `dropped` (by default the day it happened); `version=2` makes it a correction, and
        `sender` says whose file it came in where that is not the source of the feed."""
        dt = day(dropped) if dropped else happened
        version = values.pop("version", 1)
        known_on = day(values.pop("known_on", None) or dt + DAY)
        feed = BY_ID[feed_id]
        operator = values.pop("operator", "bravo" if feed.source == "billing_bravo" else "alpha")
        self.rows[feed_id].append({
            **values, **_house(feed, operator, values), "operator": operator,
            "source": values.pop("sender", feed.source), "dt": dt.isoformat(), "drop_version": version,
            "known_on": known_on, "is_known_assumed": False,
        })

    def next(self, kind: str) -> str:
        self.serial += 1
        return f"{kind}{self.serial:06d}"

    def write(self, until: str | date | None = None) -> None:
        """Write every drop, declare every other day of history absent up to `until` (exclusive)."""
        for feed_id, rows in self.rows.items():
            feed = BY_ID[feed_id]
            for sender in {feed.source} | {row["source"] for row in rows}:
                root = settings().raw / feed.source / feed.name
                dataset = Dataset(root if sender == feed.source else root / f"from={sender}", ("dt",))
                _write_drops(dataset, feed, [row for row in rows if row["source"] == sender], until)


def _write_drops(dataset: Dataset, feed: Feed, rows: list[dict[str, Any]], until: str | date | None) -> None:
    drops: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        drops.setdefault(row["dt"], []).append(row)
    lines = [line for dt, held in sorted(drops.items()) for line in _publish(dataset, feed, dt, held)]
    if until:
        lines += [_line(Entry({"dt": str(dt)}, 0, 0, "", state="absent"))
                  for dt in days(estate().history_start, day(until)) if str(dt) not in drops]
    dataset.root.mkdir(parents=True, exist_ok=True)
    dataset.manifest.write_text("".join(lines), encoding="utf-8")


def _house(feed: Feed, operator: str, values: dict[str, Any]) -> dict[str, Decimal]:
    """The row's amounts in the house currency."""
    currency = values.get(feed.currency_column or "", estate().operators[operator].currency)
    rates = {rate.currency: rate.rate for rate in estate().exchange_rates}
    worth = Decimal(1) if currency == estate().currency else rates[currency]
    return {
        house_name(column): worth * Decimal(values[column.name]) / (100 if column.money is Money.MINOR else 1)
        for column in feed.columns if column.money is not None
    }


def _publish(dataset: Dataset, feed: Feed, dt: str, rows: list[dict[str, Any]]) -> list[str]:
    path = dataset.live({"dt": dt})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema(feed)), path)
    versions = sorted({row["drop_version"]: str(row["known_on"]) for row in rows}.items())
    drops = [{"version": version, "known_on": known_on} for version, known_on in versions]
    digest = sha256(path)
    return [_line(Entry({"dt": dt}, version, len(rows), digest, known_on=known_on, inputs={"drops": drops[:place]}))
            for place, (version, known_on) in enumerate(versions, 1)]


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), sort_keys=True) + "\n"


class Subscriber:
    """One account with one subscription with one number; every sentence returns the subscriber."""

    def __init__(self, world: World, name: str, since: date, terms: dict[str, Any]) -> None:
        self.world, self.name, self.since = world, name, since
        self.number = terms.pop("number", f"msisdn_{name}")
        self.price = terms.pop("price_cents", 3000)
        self.contract = terms.pop("contract_type", "monthly")
        at, dropped = terms.pop("changed_at", noon(since)), terms.pop("dropped", None)
        world.add("billing_alpha.accounts", since, dropped, {
            "account_token": f"account_{name}", "segment": "consumer", "region": "north", "age_band": "under_65",
            "has_partner": True, "has_dependents": None, "is_paperless": True, "payment_method": "credit_card",
            "changed_at": at,
        })
        self.changes(on=since, dropped=dropped, changed_at=at, **terms)

    @property
    def id(self) -> str:
        return f"sub_{self.name}"

    def changes(self, on: str | date, dropped: str | date | None = None, **values: Any) -> Subscriber:
        self.number = values.pop("number", self.number)
        self.price = values.pop("price_cents", self.price)
        self.world.add("billing_alpha.subscriptions", day(on), dropped, {
            "subscription_token": self.name, "account_token": f"account_{self.name}", "msisdn_token": self.number,
            "plan_code": "M", "contract_type": self.contract, "price_cents": self.price, "started_on": self.since,
            "contract_end_on": None, "status": "active", "ended_on": None, "end_reason": None,
            "changed_at": noon(day(on)), **values,
        })
        return self

    def suspends(self, on: str) -> Subscriber:
        return self.changes(on, status="suspended")

    def leaves(self, on: str, reason: str = "cancellation", **more: Any) -> Subscriber:
        return self.changes(on, status="ended", ended_on=day(on), end_reason=reason, **more)

    def consents(self, on: str, purpose: str, status: str = "granted", dropped: str | None = None, **more: Any) -> Any:
        self.world.add("governance.consents", day(on), dropped, {
            "subscription_token": self.name, "purpose": purpose, "status": status, "channel": "app",
            "changed_at": noon(day(on)), **more,
        })
        return self

    def ports_out(self, on: str) -> Subscriber:
        return self.leaves(on, "port_out")

    def uses(self, on: str | date, mb: int = 10, dropped: str | None = None, **values: Any) -> Subscriber:
        self.world.add("network.usage_daily", day(on), dropped, {
            "msisdn_token": self.number, "usage_on": day(on), "data_kb": mb * 1024, "voice_seconds": 0, "sms_count": 0,
            "calls": 0, "calls_dropped": 0, "roaming_kb": 0, **values,
        })
        return self

    def uses_daily(self, first: str, last: str, mb: int = 10) -> Subscriber:
        on = day(first)
        while on <= day(last):
            self.uses(on, mb)
            on += DAY
        return self

    def holds(self, product: str, since: str | date | None = None, until: str | None = None) -> Subscriber:
        first = day(since) if since else self.since
        said = day(until) if until else first
        self.world.add("billing_alpha.products", said, None, {
            "subscription_token": self.name, "product_code": product, "started_on": first,
            "ended_on": day(until) if until else None, "changed_at": noon(said),
        })
        return self

    def billed(self, on: str | date, cents: int = 3000, dropped: str | None = None, **values: Any) -> Subscriber:
        issued = day(on)
        self.world.add("billing_alpha.invoices", issued, dropped, {
            "invoice_id": self.world.next("i"), "account_token": f"account_{self.name}",
            "subscription_token": self.name,
            "issued_on": issued, "period_start_on": issued - 30 * DAY, "period_end_on": issued,
            "due_on": issued + 14 * DAY, "amount_cents": cents, "currency": "EUR", **values,
        })
        self.invoice = self.world.rows["billing_alpha.invoices"][-1]["invoice_id"]
        return self

    def pays(self, on: str, cents: int = 3000, status: str = "ok", dropped: str | None = None) -> Subscriber:
        self.world.add("billing_alpha.payments", day(on), dropped, {
            "payment_id": self.world.next("p"), "invoice_id": self.invoice, "account_token": f"account_{self.name}",
            "paid_at": noon(day(on)), "amount_cents": cents, "status": status,
        })
        return self

    def contacts(self, on: str, topic: str = "billing", dropped: str | None = None, **values: Any) -> Subscriber:
        self.world.add("care.interactions", day(on), dropped, {
            "interaction_id": self.world.next("c"), "msisdn_token": self.number, "channel": "call", "topic": topic,
            "opened_at": noon(day(on)), "is_resolved": False, "is_complaint": False, "wait_seconds": 60, **values,
        })
        return self


class Line:
    """One line of operator bravo with its customer and number; amounts in pounds. Every sentence returns the line."""

    def __init__(self, world: World, name: str, since: date, terms: dict[str, Any]) -> None:
        self.world, self.name, self.since = world, name, since
        self.state: dict[str, Any] = {
            "subscription_token": name, "account_token": f"account_{name}", "msisdn_token": f"msisdn_{name}",
            "imsi_token": f"imsi_{name}", "customer_class": "R", "sales_area": "Kent", "age_class": "A", "household": 2,
            "e_bill": True, "pay_channel": "CARD", "tariff_id": "S", "pay_mode": "POST", "term_months": 0, "addons": "",
            "fee": Decimal("20.00"), "state": "A", "activated_on": since, "commit_until": None, "terminated_on": None,
            "term_code": None,
        }
        self.changes(since, **terms)

    def changes(self, on: str | date, dropped: str | None = None, **values: Any) -> Line:
        self.state |= values
        self.world.add("billing_bravo.subscribers", day(on), dropped, {**self.state, "modified_at": noon(day(on))})
        return self

    def leaves(self, on: str, code: str = "CUST") -> Line:
        return self.changes(on, state="T", terminated_on=day(on), term_code=code)

    def uses(self, on: str, mb: int = 10) -> Line:
        self.world.add("network.usage_daily", day(on), None, {
            "msisdn_token": self.state["msisdn_token"], "usage_on": day(on), "data_kb": mb * 1024, "voice_seconds": 0,
            "sms_count": 0, "calls": 0, "calls_dropped": 0, "roaming_kb": 0,
        })
        return self

    def billed(self, on: str, pounds: str, number: str, **values: Any) -> Line:
        issued = day(on)
        self.world.add("billing_bravo.bills", issued, None, {
            "bill_no": number, "subscription_token": self.name, "account_token": self.state["account_token"],
            "issued_at": noon(issued), "from_on": issued - 30 * DAY, "to_on": issued, "due_on": issued + 14 * DAY,
            "total": Decimal(pounds), "currency": "GBP", **values,
        })
        return self

    def pays(self, on: str, pounds: str, number: str, result: str = "OK") -> Line:
        self.world.add("billing_bravo.payments", day(on), None, {
            "payment_no": self.world.next("q"), "bill_no": number, "account_token": self.state["account_token"],
            "booked_at": noon(day(on)), "total": Decimal(pounds), "currency": "GBP", "result": result,
        })
        return self
