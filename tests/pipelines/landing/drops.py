"""Valid drops of every feed, and ways to spoil them. One call makes one feed's files of one day."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.landing.contract import Feed, Form, Type
from pipelines.landing.feeds import counters as pm
from pipelines.landing.feeds.counters import VENDORS
from pipelines.landing.senders import feed as sent_feed
from pipelines.settings import settings

DT = date(2026, 3, 10)
AS_OF = DT + timedelta(days=1)
HISTORY_START = DT - timedelta(days=120)
Row = dict[str, Any]

_PARQUET = {
    Type.STRING: pa.string(), Type.INTEGER: pa.int64(), Type.DOUBLE: pa.float64(), Type.BOOLEAN: pa.bool_(),
    Type.DECIMAL: pa.decimal128(18, 4), Type.DATE: pa.date32(), Type.LOCAL_TIME: pa.timestamp("us"),
    Type.INSTANT: pa.timestamp("us", "UTC"),
}


def rows(feed_id: str, count: int = 3, dt: date = DT) -> list[Row]:
    """`count` valid rows, as the contract's types in Python; the rows of two feeds with one number belong together.

    Of counters, `count` cells with every period of the day.
    """
    if feed_id.startswith(f"{pm.SOURCE}."):
        return [row for number in range(count) for row in counters(feed_id, number, dt)]
    return [_ROW[feed_id](number, dt) for number in range(count)]


def account(number: int, dt: date) -> Row:
    return {
        "account_id": f"A{number:07d}", "customer_name": f"Ms. {number}; \"Q\" of Ö", "segment": "consumer",
        "region": "north", "age_band": "under_65", "has_partner": None, "has_dependents": number % 2 == 0,
        "is_paperless": True, "payment_method": "bank_transfer", "changed_at": _at(dt, 9),
    }


def subscription(number: int, dt: date) -> Row:
    return {
        "subscription_id": f"S{number:07d}", "account_id": f"A{number:07d}", "msisdn": f"+49151{number:08d}",
        "plan_code": "M", "contract_type": "monthly", "price_cents": 2999, "started_on": dt - timedelta(days=400),
        "contract_end_on": None, "status": "active", "ended_on": None, "end_reason": None, "changed_at": _at(dt, 9),
    }


def product(number: int, dt: date) -> Row:
    return {
        "subscription_id": f"S{number:07d}", "product_code": "voice", "started_on": dt, "ended_on": None,
        "changed_at": _at(dt, 9),
    }


def invoice(number: int, dt: date) -> Row:
    return {
        "invoice_id": f"I{dt:%Y%m%d}{number:07d}", "account_id": f"A{number:07d}",
        "subscription_id": f"S{number:07d}", "issued_on": dt, "period_start_on": dt - timedelta(days=30),
        "period_end_on": dt, "due_on": dt + timedelta(days=14), "amount_cents": 2999, "currency": "EUR",
    }


def payment(number: int, dt: date) -> Row:
    return {
        "payment_id": f"P{dt:%Y%m%d}{number:07d}", "invoice_id": f"I{dt:%Y%m%d}{number:07d}",
        "account_id": f"A{number:07d}", "paid_at": _at(dt, 10), "amount_cents": 2999, "status": "ok",
    }


def usage(number: int, dt: date) -> Row:
    return {
        "msisdn": f"+49151{number:08d}", "usage_on": dt, "data_kb": 1000 + number, "voice_seconds": 60,
        "sms_count": 1, "calls": 2, "calls_dropped": 0, "roaming_kb": 0,
        "cell_1_id": f"C{number:05d}", "cell_1_share": 0.75, "cell_2_id": "C00000", "cell_2_share": 0.25,
        "cell_3_id": None, "cell_3_share": None,
    }


def interaction(number: int, dt: date) -> Row:
    return {
        "interaction_id": f"T{dt:%Y%m%d}{number:07d}", "msisdn": f"49151{number:08d}", "channel": "call",
        "topic": "billing", "opened_at": _at(dt, 11), "is_resolved": True, "is_complaint": False, "wait_seconds": 40,
        "text": "my number is 49151",
    }


def bravo_subscriber(number: int, dt: date) -> Row:
    return {
        "sub_ref": f"{number:07d}", "customer_no": f"{number:07d}", "msisdn": f"+44770{number:08d}",
        "imsi": f"99910{number:010d}", "full_name": f"Zoë {number}", "customer_class": "R", "sales_area": "south",
        "age_class": "A", "household": None, "e_bill": True, "pay_channel": "SEPA", "tariff_id": "T1",
        "pay_mode": "POST", "term_months": 12, "addons": "SEC|TV", "fee": Decimal("24.99"), "state": "A",
        "activated_on": dt - timedelta(days=300), "commit_until": dt + timedelta(days=65), "terminated_on": None,
        "term_code": None, "modified_at": _at(dt, 9),
    }


def plan(number: int, dt: date) -> Row:
    return {
        "tariff_id": f"T{number}", "tariff_name": f"Tariff {number}", "monthly_fee": Decimal("19.50"),
        "currency": "GBP", "components": "VOX|DATA", "valid_at": _at(dt, 3),
    }


def bill(number: int, dt: date) -> Row:
    return {
        "bill_no": f"B{dt:%Y%m%d}{number:07d}", "sub_ref": f"{number:07d}", "customer_no": f"{number:07d}",
        "issued_at": _at(dt, 4), "from_on": dt - timedelta(days=30), "to_on": dt, "due_on": dt + timedelta(days=14),
        "total": Decimal("24.99"), "currency": "GBP",
    }


def bravo_payment(number: int, dt: date) -> Row:
    return {
        "payment_no": f"Q{dt:%Y%m%d}{number:07d}", "bill_no": f"B{dt:%Y%m%d}{number:07d}",
        "customer_no": f"{number:07d}", "booked_at": _at(dt, 10), "total": Decimal("24.99"), "currency": "GBP",
        "result": "OK",
    }


def cell(number: int, dt: date) -> Row:
    return {
        "cell_id": f"C{number:05d}", "site_id": f"SITE{number}", "vendor": "ericsson", "technology": "lte",
        "band": "b3", "region": "north", "valid_on": dt,
    }


def number_event(number: int, dt: date) -> Row:
    return {
        "event_id": f"N{dt:%Y%m%d}{number:07d}", "event": "sim_swap", "msisdn": f"49151{number:08d}",
        "imsi": f"99920{number:010d}", "other_network": None, "occurred_at": _at(dt, 12),
    }


def counters(feed_id: str, number: int, dt: date) -> list[Row]:
    """A day of one cell in the vendor's own units: 100 attempts, 99 successes, a megabyte in a second a period."""
    vendor = next(vendor for vendor in VENDORS if vendor.name == feed_id.partition(".")[2])
    measured = {
        "rrc_attempts": 100.0, "rrc_successes": 99.0, "bearer_attempts": 100.0, "bearer_successes": 98.0,
        "bearer_releases": 90.0, "bearer_abnormal_releases": 1.0, "dl_volume_kbit": 8000.0, "dl_active_ms": 1000.0,
        "dl_delay_ms_sum": 5000.0, "dl_delay_packets": 500.0, "unavailable_s": 0.0, "prb_used": 40.0,
        "prb_available": 100.0,
    }
    midnight, step = datetime(dt.year, dt.month, dt.day), timedelta(minutes=vendor.granularity_minutes)
    return [
        {
            vendor.cell: f"C{number:05d}", vendor.start: midnight + period * step,
            **{counter.name: measured[counter.measurement] / counter.factor for counter in vendor.counters},
        }
        for period in range(timedelta(days=1) // step)
    ]


def complaint(number: int, dt: date) -> Row:
    return {
        "complaint_id": f"K{number:07d}", "msisdn": f"49151{number:08d}", "interaction_id": None,
        "category": "network", "status": "open", "changed_at": _at(dt, 12), "text": "call me on 49151",
    }


def consent(number: int, dt: date) -> Row:
    return {
        "operator": "alpha", "subscription_id": f"S{number:07d}", "purpose": "MODEL_TRAINING", "status": "granted",
        "channel": "app", "changed_at": _at(dt, 8),
    }


def erasure_request(number: int, dt: date) -> Row:
    return {
        "request_id": f"E{dt:%Y%m%d}{number:03d}", "operator": "alpha", "subscription_id": f"S{number:07d}",
        "requested_at": _at(dt, 8),
    }


def campaign(number: int, dt: date) -> Row:
    return {
        "campaign_id": "spring", "operator": "alpha", "subscription_id": f"S{number:07d}", "arm": "control",
        "offer": None, "channel": None, "assigned_at": _at(dt, 8),
    }


_ROW: dict[str, Callable[[int, date], Row]] = {
    "billing_alpha.accounts": account, "billing_alpha.subscriptions": subscription,
    "billing_alpha.products": product, "billing_alpha.invoices": invoice, "billing_alpha.payments": payment,
    "billing_bravo.subscribers": bravo_subscriber, "billing_bravo.plans": plan, "billing_bravo.bills": bill,
    "billing_bravo.payments": bravo_payment, "network.usage_daily": usage, "network.cells": cell,
    "network.number_events": number_event,
    "care.interactions": interaction, "care.complaints": complaint, "governance.consents": consent,
    "governance.erasure_requests": erasure_request, "governance.campaigns": campaign,
}
FEED_IDS = (*_ROW, *(feed.id for feed in pm.FEEDS))


def _at(dt: date, hour: int) -> datetime:
    return datetime(dt.year, dt.month, dt.day, hour, 30)


def encode(feed_id: str, what: Iterable[Row], columns: list[str] | None = None) -> bytes:
    """Rows in the feed's written form; `columns` orders, adds or leaves out columns."""
    feed = sent_feed(feed_id)
    names = columns if columns is not None else [column.name for column in feed.columns]
    if feed.form is Form.PARQUET:
        return _parquet(feed, list(what), names)
    if feed.form is Form.JSONL:
        return "".join(json.dumps({name: _json(row.get(name)) for name in names}) + "\n" for row in what).encode()
    utc = {column.name for column in feed.columns if column.type is Type.INSTANT}
    lines = [";".join(names), *(";".join(_cell(row.get(name), name in utc) for name in names) for row in what)]
    return ("\n".join(lines) + "\n").encode(feed.dialect.encoding)


def _parquet(feed: Feed, what: list[Row], names: list[str]) -> bytes:
    types = {column.name: _PARQUET[column.type] for column in feed.columns}
    arrays = [pa.array([row.get(name) for row in what], types.get(name)) for name in names]
    out = io.BytesIO()
    pq.write_table(pa.table(arrays, names=names), out)
    return out.getvalue()


def _cell(value: Any, is_utc: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime) and is_utc:
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    text = f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ';"') else text


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def put(feed_id: str, data: bytes, count: int, dt: date = DT, **said: Any) -> Path:
    """Write a data file and a control file that agrees with it, except where `said` says otherwise."""
    feed = sent_feed(feed_id)
    path = settings().landing / feed.source / feed.name / f"dt={dt}" / feed.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    control = {
        "feed": feed_id, "dt": dt.isoformat(), "rows": count, "sha256": hashlib.sha256(data).hexdigest(),
        "schema_version": feed.schema_version, "produced_at": f"{dt + timedelta(days=1)}T01:00:00Z", **said,
    }
    path.with_name(path.name + ".ctl").write_text(json.dumps(control))
    return path


def drop(feed_id: str, what: list[Row] | None = None, dt: date = DT, columns: list[str] | None = None,
         **said: Any) -> Path:
    """Deliver rows (three valid ones unless told) as one drop."""
    what = rows(feed_id, dt=dt) if what is None else what
    return put(feed_id, encode(feed_id, what, columns), len(what), dt, **said)


def say(feed_id: str, **said: Any) -> None:
    """Change what the control file of a delivered drop says."""
    feed = sent_feed(feed_id)
    path = settings().landing / feed.source / feed.name / f"dt={DT}" / f"{feed.file_name}.ctl"
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))


def drop_empty(feed_id: str, dt: date = DT) -> Path:
    """Declare a day without rows: a control file and nothing beside it."""
    path = put(feed_id, b"", 0, dt, empty=True)
    path.unlink()
    return path


def drop_all(dt: date = DT, count: int = 3) -> None:
    """One valid drop of every feed."""
    for feed_id in FEED_IDS:
        drop(feed_id, rows(feed_id, count, dt), dt)


def estate(*feed_ids: str, **facts: Any) -> None:
    """Give this home an estate of its own with only these feeds; `facts` go into every one of them."""
    said = "\n".join(f"{name} = {json.dumps(value)}" for name, value in facts.items())
    feeds = "\n".join(
        f'[feeds."{feed_id}"]\noperator = "{"bravo" if "bravo" in feed_id else "alpha"}"\n{said}'
        for feed_id in feed_ids)
    home = settings().home
    home.mkdir(parents=True, exist_ok=True)
    (home / "estate.toml").write_text(f"""
name = "alpha"
history_start = {HISTORY_START}
[operators.alpha]
currency = "EUR"
time_zone = "Europe/Berlin"
region = "EU"
legal_basis = "contract"
[operators.bravo]
currency = "GBP"
time_zone = "Europe/London"
region = "UK"
legal_basis = "contract"
{feeds}
[cost_rates]
base = 250
[[exchange_rates]]
currency = "GBP"
valid_from = 2026-01-01
rate = 1.25
""")
    settings.cache_clear()


def raw(feed_id: str, dt: date = DT) -> pa.Table:
    """The live raw partition of a drop day."""
    return pq.read_table(raw_path(feed_id, dt), partitioning=None)


def raw_path(feed_id: str, dt: date = DT) -> Path:
    return settings().raw / feed_id.replace(".", "/") / f"dt={dt}" / "data.parquet"


def quarantined(feed_id: str, dt: date = DT) -> list[Row]:
    """Every row in quarantine for a drop day: line, reasons, row."""
    folder = settings().quarantine / feed_id.replace(".", "/") / f"dt={dt}"
    return [json.loads(line) for path in sorted(folder.glob("rows.*.jsonl")) for line in path.read_text().splitlines()]


def reasons_of_rejection(feed_id: str, dt: date = DT) -> list[str]:
    """What the reason files beside rejected copies say."""
    folder = settings().quarantine / feed_id.replace(".", "/") / f"dt={dt}"
    files = sorted(folder.glob("*.reason.json"))
    return [reason for path in files for reason in json.loads(path.read_text())["reasons"]]
