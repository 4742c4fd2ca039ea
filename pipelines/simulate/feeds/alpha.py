"""Billing of alpha: accounts with many subscriptions, cents, local time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.landing.contract import CONTRACT_TYPES, PRODUCTS
from pipelines.simulate.arrays import coded, join, text
from pipelines.simulate.billing import DUE_DAYS, END_REASONS
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.life import Today
from pipelines.simulate.parameters import LEVELS
from pipelines.simulate.population import ALPHA, PAY_BY, PREPAID
from pipelines.simulate.radio import REGIONS
from pipelines.simulate.state import ENDED, NEVER
from pipelines.simulate.tariffs import suffix
from pipelines.simulate.words import customer_names

STATUS = ("active", "suspended", "ended")
AGE_BANDS = ("under_65", "65_plus", "unknown")

PLANS = tuple(
    "_".join(part for part in (who, contract, suffix(level)) if part)
    for level in range(len(LEVELS)) for who in ("", "business") for contract in CONTRACT_TYPES
)


def accounts(context: Context, today: Today) -> pa.Table:
    """One row per account, on the day its first line is told of."""
    lines = context.lines
    told = context.of(today.events["accounts"], ALPHA)["line"]
    _, first = np.unique(lines.account[told], return_index=True)
    line = told[first]
    business = lines.is_business[line]
    name = customer_names(context.seed, ALPHA, lines.account[line], business)
    context.canaries.customers(ALPHA, context.accounts(line), name, lines.account[line], context.seed)
    return pa.table({
        "account_id": context.accounts(line), "customer_name": name,
        "segment": coded(("consumer", "business"), business.view(np.int8)),
        "region": coded(REGIONS, lines.region[line]),
        "age_band": coded(AGE_BANDS, np.where(business, 2, lines.is_senior[line])),
        "has_partner": pa.array(lines.has_partner[line], mask=business),
        "has_dependents": pa.array(lines.has_dependents[line], mask=business),
        "is_paperless": pa.array(lines.is_paperless[line]), "payment_method": coded(PAY_BY, lines.payment[line]),
        "changed_at": context.at(today.day, line, 8),
    })


def subscriptions(context: Context, today: Today) -> pa.Table:
    """The state at the end of a day, for every line that is new or changed."""
    lines, seen = context.lines, context.of(today.events["contracts"], ALPHA)
    line, is_ended = seen["line"], seen["status"] == ENDED
    context.canaries.lines(context.subscriptions(line), seen["number"])
    return pa.table({
        "subscription_id": context.subscriptions(line), "account_id": context.accounts(line),
        "msisdn": join("+", text(seen["number"])),
        "plan_code": coded(PLANS, lines.contract[line] + 4 * lines.is_business[line] + 8 * seen["level"]),
        "contract_type": coded(CONTRACT_TYPES, lines.contract[line]), "price_cents": pa.array(seen["price"]),
        "started_on": context.date(lines.started[line]),
        "contract_end_on": context.date(seen["bound_until"], seen["bound_until"] >= NEVER),
        "status": coded(STATUS, seen["status"]), "ended_on": context.date(seen["ended"], ~is_ended),
        "end_reason": coded(END_REASONS, seen["reason"], ~is_ended), "changed_at": context.at(today.day, line, 8),
    })


def products(context: Context, today: Today) -> pa.Table:
    """One row per product taken, given up, or lost with its line."""
    seen = context.of(today.events["products"], ALPHA)
    line, gone = seen["line"], np.full(len(seen["line"]), today.day)
    return pa.table({
        "subscription_id": context.subscriptions(line), "product_code": coded(PRODUCTS, seen["product"]),
        "started_on": context.date(seen["since"]), "ended_on": context.date(gone, seen["is_held"]),
        "changed_at": context.at(today.day, line, 8),
    })


def invoices(context: Context, today: Today) -> pa.Table:
    """Invoices, and credit notes: invoices of a negative amount for a period of one day."""
    seen = context.of(today.events["bills"], ALPHA)
    line, on = seen["line"], np.full(len(seen["line"]), today.day)
    due = today.day + np.where((context.lines.contract[line] == PREPAID) | (seen["amount"] < 0), 0, DUE_DAYS)
    return pa.table({
        "invoice_id": context.document("R", today.day, line, seen["serial"]), "account_id": context.accounts(line),
        "subscription_id": context.subscriptions(line), "issued_on": context.date(on),
        "period_start_on": context.date(seen["period_start"]), "period_end_on": context.date(on),
        "due_on": context.date(due), "amount_cents": pa.array(seen["amount"]),
        "currency": coded((context.currencies[ALPHA],), np.zeros(len(line))),
    })


def payments(context: Context, today: Today) -> pa.Table:
    """Payment attempts, at most one per invoice and day."""
    seen = context.of(today.events["payments"], ALPHA)
    line = seen["line"]
    return pa.table({
        "payment_id": context.document("P", today.day, line), "invoice_id": context.document("R", seen["issued"], line),
        "account_id": context.accounts(line), "paid_at": context.at(today.day, line, 9),
        "amount_cents": pa.array(seen["amount"]), "status": coded(("failed", "ok"), seen["is_ok"].view(np.int8)),
    })
