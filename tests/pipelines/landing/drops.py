"""Valid drops of operator alpha, and ways to spoil them. One call makes one feed's files of one day."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.landing.contract import BY_ID, Feed, Form, Type
from pipelines.settings import settings

DT = date(2026, 3, 10)
AS_OF = DT + timedelta(days=1)
HISTORY_START = DT - timedelta(days=120)
Row = dict[str, Any]

_PARQUET = {
    Type.STRING: pa.string(), Type.INTEGER: pa.int64(), Type.DOUBLE: pa.float64(), Type.BOOLEAN: pa.bool_(),
    Type.DATE: pa.date32(), Type.LOCAL_TIME: pa.timestamp("us"), Type.INSTANT: pa.timestamp("us", "UTC"),
}


def rows(feed_id: str, count: int = 3, dt: date = DT) -> list[Row]:
    """`count` valid rows, as the contract's types in Python; the rows of two feeds with one number belong together."""
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
    }


def interaction(number: int, dt: date) -> Row:
    return {
        "interaction_id": f"T{dt:%Y%m%d}{number:07d}", "msisdn": f"49151{number:08d}", "channel": "call",
        "topic": "billing", "opened_at": _at(dt, 11), "is_resolved": True, "is_complaint": False, "wait_seconds": 40,
        "text": "my number is 49151",
    }


_ROW: dict[str, Callable[[int, date], Row]] = {
    "billing_alpha.accounts": account, "billing_alpha.subscriptions": subscription,
    "billing_alpha.products": product, "billing_alpha.invoices": invoice, "billing_alpha.payments": payment,
    "network.usage_daily": usage, "care.interactions": interaction,
}
FEED_IDS = tuple(_ROW)


def _at(dt: date, hour: int) -> datetime:
    return datetime(dt.year, dt.month, dt.day, hour, 30)


def encode(feed_id: str, what: Iterable[Row], columns: list[str] | None = None) -> bytes:
    """Rows in the feed's written form; `columns` orders, adds or leaves out columns."""
    feed = BY_ID[feed_id]
    names = columns if columns is not None else [column.name for column in feed.columns]
    if feed.form is Form.PARQUET:
        return _parquet(feed, list(what), names)
    if feed.form is Form.JSONL:
        return "".join(json.dumps({name: _json(row.get(name)) for name in names}) + "\n" for row in what).encode()
    lines = [";".join(names), *(";".join(_cell(row.get(name)) for name in names) for row in what)]
    return ("\n".join(lines) + "\n").encode()


def _parquet(feed: Feed, what: list[Row], names: list[str]) -> bytes:
    types = {column.name: _PARQUET[column.type] for column in feed.columns}
    arrays = [pa.array([row.get(name) for row in what], types.get(name)) for name in names]
    out = io.BytesIO()
    pq.write_table(pa.table(arrays, names=names), out)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ';"') else text


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return value.isoformat() if isinstance(value, date) else value


def put(feed_id: str, data: bytes, count: int, dt: date = DT, **said: Any) -> Path:
    """Write a data file and a control file that agrees with it, except where `said` says otherwise."""
    feed = BY_ID[feed_id]
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
    feed = BY_ID[feed_id]
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
    feeds = "\n".join(f'[feeds."{feed_id}"]\noperator = "alpha"\n{said}' for feed_id in feed_ids)
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
{feeds}
[cost_rates]
base = 250
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
