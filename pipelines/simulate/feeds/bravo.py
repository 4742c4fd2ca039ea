"""Billing of bravo: every line its own customer record, decimal pounds, UTC, codes of its own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.landing.contract import CONTRACT_TYPES, PRODUCTS
from pipelines.landing.feeds.billing_bravo import PRODUCT_CODES
from pipelines.simulate import tariffs
from pipelines.simulate.arrays import Ints, coded, decimals, join, text
from pipelines.simulate.billing import DUE_DAYS
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.life import Today
from pipelines.simulate.parameters import LEVELS
from pipelines.simulate.population import BITS, BRAVO, DATA, PREPAID, VOICE
from pipelines.simulate.radio import REGIONS
from pipelines.simulate.state import ENDED, NEVER
from pipelines.simulate.words import customer_names, imsi

CODES = tuple(code for product in PRODUCTS for code, ours in PRODUCT_CODES.items() if ours == product)
STATES, TERM_CODES = ("A", "B", "T"), ("CUST", "MNP", "DEBT")
PAY_CHANNELS = ("SEPA", "CARD", "TRANSFER", "CASH", "VOUCHER")  # by position in PAY_BY
TERMS = np.array([0, 0, 12, 24])  # months, by contract type
TARIFFS = tuple(
    "-".join(part for part in ("B" if business else "R", contract.upper(), "VD" if data else "V",
                               tariffs.suffix(level).upper()) if part)
    for level in range(len(LEVELS)) for business in (False, True) for contract in CONTRACT_TYPES
    for data in (False, True)
)
IN_TARIFF = int(BITS[VOICE] | BITS[DATA])
# Add-ons held beside the plan, for every set of products: the plan has voice and perhaps data.
ADDONS = tuple(
    "|".join(code for place, code in enumerate(CODES) if mask & ~IN_TARIFF & int(BITS[place]))
    for mask in range(2 ** len(PRODUCTS))
)


def _tariff(context: Context, line: Ints, level: Ints) -> Ints:
    lines = context.lines
    has_data = lines.products[line] & BITS[DATA] > 0
    first = lines.is_business[line] * 8 + lines.contract[line].astype(np.int64) * 2 + has_data
    return np.asarray(first + 16 * level.astype(np.int64))


def subscribers(context: Context, today: Today) -> pa.Table:
    """The state at the end of a day, for every line that is new or changed."""
    lines, seen = context.lines, context.of(today.events["contracts"], BRAVO)
    line, is_ended = seen["line"], seen["status"] == ENDED
    business, sims = lines.is_business[line], imsi(line, seen["swaps"])
    name = customer_names(context.seed, BRAVO, lines.account[line], business)
    context.canaries.lines(context.subscriptions(line), seen["number"])
    context.canaries.customers(BRAVO, context.accounts(line), name, lines.account[line], context.seed)
    context.canaries.add("imsi", sims)
    held = seen["products"] & ~np.uint16(IN_TARIFF) > 0
    return pa.table({
        "sub_ref": context.subscriptions(line), "customer_no": context.accounts(line),
        "msisdn": join("+", text(seen["number"])), "imsi": sims, "full_name": name,
        "customer_class": coded(("R", "B"), business.view(np.int8)), "sales_area": coded(REGIONS, lines.region[line]),
        "age_class": coded(("A", "S", "U"), np.where(business, 2, lines.is_senior[line])),
        "household": pa.array(1 + lines.has_partner[line] + 2 * lines.has_dependents[line], mask=business),
        "e_bill": pa.array(lines.is_paperless[line]), "pay_channel": coded(PAY_CHANNELS, lines.payment[line]),
        "tariff_id": coded(TARIFFS, _tariff(context, line, seen["level"])),
        "pay_mode": coded(("POST", "PRE"), (lines.contract[line] == PREPAID).view(np.int8)),
        "term_months": pa.array(TERMS[lines.contract[line]]),
        "addons": coded(ADDONS, seen["products"], ~held),
        "fee": decimals(seen["price"]), "state": coded(STATES, seen["status"]),
        "activated_on": context.date(lines.started[line]),
        "commit_until": context.date(seen["bound_until"], seen["bound_until"] >= NEVER),
        "terminated_on": context.date(seen["ended"], ~is_ended),
        "term_code": coded(TERM_CODES, seen["reason"], ~is_ended), "modified_at": context.at(today.day, line, 8),
    })


def plans(context: Context, today: Today) -> pa.Table:
    """The price list, the same on every day."""
    on = context.calendar[today.day]
    return price_list(context, on)


def price_list(context: Context, on: np.datetime64) -> pa.Table:
    """The price list as of a day."""
    place = np.arange(len(TARIFFS))
    at = on.astype("datetime64[s]") + np.timedelta64(30, "m")
    return pa.table({
        "tariff_id": list(TARIFFS),
        "tariff_name": [_sold_as(name) for name in TARIFFS],
        "monthly_fee": decimals(tariffs.LIST[BRAVO, place // 2 % 4, place // 16]),
        "currency": [context.currencies[BRAVO]] * len(TARIFFS),
        "components": [f"{CODES[VOICE]}|{CODES[DATA]}" if name.endswith("VD") else CODES[VOICE] for name in TARIFFS],
        "valid_at": pa.array(np.repeat(at, len(TARIFFS))),
    })


def _sold_as(tariff: str) -> str:
    """`B-24M-VD-PLUS` is sold as `Business plus 24m, voice and data`."""
    who, term, what, *level = tariff.lower().split("-")
    called = " ".join(["Business" if who == "b" else "Home", *level, term])
    return f"{called}, voice{' and data' if what == 'vd' else ''}"


def bills(context: Context, today: Today) -> pa.Table:
    """Bills, and credit notes: bills of a negative amount."""
    seen = context.of(today.events["bills"], BRAVO)
    line, on = seen["line"], np.full(len(seen["line"]), today.day)
    due = today.day + np.where((context.lines.contract[line] == PREPAID) | (seen["amount"] < 0), 0, DUE_DAYS)
    return pa.table({
        "bill_no": context.document("B", today.day, line, seen["serial"]), "sub_ref": context.subscriptions(line),
        "customer_no": context.accounts(line), "issued_at": context.at(today.day, line, 7),
        "from_on": context.date(seen["period_start"]), "to_on": context.date(on), "due_on": context.date(due),
        "total": decimals(seen["amount"]), "currency": coded((context.currencies[BRAVO],), np.zeros(len(line))),
    })


def payments(context: Context, today: Today) -> pa.Table:
    """Payment attempts, at most one per bill and day."""
    seen = context.of(today.events["payments"], BRAVO)
    line = seen["line"]
    return pa.table({
        "payment_no": context.document("Q", today.day, line), "bill_no": context.document("B", seen["issued"], line),
        "customer_no": context.accounts(line), "booked_at": context.at(today.day, line, 9),
        "total": decimals(seen["amount"]), "currency": coded((context.currencies[BRAVO],), np.zeros(len(line))),
        "result": coded(("REJ", "OK"), seen["is_ok"].view(np.int8)),
    })
