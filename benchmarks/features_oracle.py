"""Every feature of churn_v2 and ltv_v2 in plain Python for one subscriber-day, by docs/reference/features.md.

Written from the definitions, not from the SQL: `features` takes what the dropped files told (features_landed.py) and
the days of the cells (features_cells.py). Slow, and short enough to be read. Numbers that were ported out do not come
back and subscriptions keep their number, as in the simulator; a home where they do needs more than `holds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor, sqrt
from typing import Any, NamedTuple, TypeVar

from features_cells import CellDay, Sums
from features_landed import DAY, Complaint, Contact, Customer, Event, Invoice, Landed, Line, Payment, Terms, Use

Known = TypeVar("Known", Complaint, Contact, Customer, Event, Invoice, Payment, Terms, Use, Any)
Values = dict[str, Any]
Cells = dict[CellDay, list[Sums]]

SILENCE = timedelta(days=45)
ADDONS = ("voice", "multiple_lines", "mobile_data", "online_security", "online_backup", "device_protection",
          "tech_support", "streaming_tv", "streaming_movies")
BAD_RETAINABILITY, BAD_AVAILABILITY, BAD_MBPS = 0.98, 0.99, 5.0


class Hold(NamedTuple):
    """A number belongs to a line on the days [start, stop)."""

    line: Line
    number: str
    start: date
    stop: date

    def has(self, on: date) -> bool:
        return self.start <= on < self.stop


def features(landed: Landed, cells: Cells, line: Line, as_of: date) -> Values | None:
    """What is known of a line as `as_of` begins, by feature; None unless it is active: open, a day old, not silent."""
    told = known_terms(landed, line, as_of)
    if not told or not is_open(told[-1], as_of) or told[-1].started_on > as_of - DAY:
        return None
    held = [hold for number in sorted({terms.number for terms in told}) for hold in holds(landed, number, as_of)
            if hold.line == line]
    used = [use for hold in held for use in known(landed.use[hold.number], as_of)
            if use.on < as_of and hold.has(use.on)]
    if used and last_used(used) < as_of - SILENCE:
        return None
    return {
        **terms_and_customer(landed, told, as_of), **products(landed, told, as_of), **bills(landed, told, as_of),
        **payments(landed, line, as_of), **account(landed, told[-1].account, as_of), **usage(used, as_of),
        **quality(cells, used, as_of), **numbers(landed, held, as_of), **care(landed, held, as_of),
    }


def known(rows: Iterable[Known], as_of: date) -> list[Known]:
    """The rows known as a day begins."""
    return [row for row in rows if row.known_on <= as_of]


def midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=UTC)


def window(as_of: date, days: int, on: date) -> bool:
    """Whether a day lies in the `days` days before as_of."""
    return as_of - timedelta(days=days) <= on < as_of


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def known_terms(landed: Landed, line: Line, as_of: date) -> list[Terms]:
    """The changes of a line known as a day begins and in force before it, oldest first."""
    told = [terms for terms in known(landed.terms[line], as_of) if terms.changed_at < midnight(as_of)]
    return sorted(told, key=lambda terms: (terms.changed_at, terms.known_on))


def is_open(terms: Terms, as_of: date) -> bool:
    """A line that ends on the day itself is still open as the day begins."""
    return terms.ended_on is None or terms.ended_on >= as_of


def last_used(used: Sequence[Use]) -> date:
    """The newest day of use; a line that only had idle rows has been silent since the day before the first of them."""
    return max((use.on for use in used if use.is_use), default=min(use.on for use in used) - DAY)


# --- who holds a number


def holds(landed: Landed, number: str, as_of: date) -> list[Hold]:
    """Whose a number was and when, by what both billing systems and the network are known to have said.

    A line holds its number from its first day of service to its last. The first row known of it may say it began
    before the number was given to it; then it holds it from that event, and not before another line left it. The day of
    a port-out is the last of a hold; a reassignment more than a month into a hold ends it. Who takes a number over ends
    the hold of the one before.
    """
    events = [event for event in known(landed.events[number], as_of) if event.at < midnight(as_of)]
    spoken = {line: told for line in landed.lines_of_number[number] if (told := known_terms(landed, line, as_of))}
    left = {line: told[-1].ended_on + DAY if told[-1].ended_on else date.max for line, told in spoken.items()}
    begun = []
    for line, told in spoken.items():
        first_told = told[0].changed_at.date()
        given = [event.at.date() for event in events if event.kind in ("activation", "port_in", "reassignment")]
        vacated = [day for other, day in left.items() if other != line]
        start = max([told[0].started_on, *(day for day in [*given, *vacated] if day <= first_told)])
        stop = left[line]
        for event in events:
            on = event.at.date()
            if event.kind == "port_out" and on > start:
                stop = min(stop, on + DAY)
            if event.kind == "reassignment" and on > start + timedelta(days=30):
                stop = min(stop, on)
        if stop > start:
            begun.append(Hold(line, number, start, stop))
    begun.sort(key=lambda hold: hold.start)
    ends = [*(hold.start for hold in begun[1:]), date.max]
    return [hold._replace(stop=min(hold.stop, taken)) for hold, taken in zip(begun, ends, strict=True)]


# --- billing


def terms_and_customer(landed: Landed, told: Sequence[Terms], as_of: date) -> Values:
    """What the line agreed to, and what is known of the customer who pays for it."""
    now = told[-1]
    stated = [row for row in known(landed.customers[now.account], as_of) if row.changed_at < midnight(as_of)]
    customer = max(stated, key=lambda row: (row.changed_at, row.known_on), default=None)
    # The price in force when the window of 90 days began, and the days on which it changed.
    earlier = [terms.price for terms in told if terms.changed_at < midnight(as_of - 90 * DAY)]
    changed = [after.changed_at.date() for before, after in pairwise(told)
               if after.price != before.price]
    return {
        "tenure_days": (as_of - now.started_on).days, "contract_type": now.contract_type, "plan_code": now.plan,
        "segment": customer and customer.segment, "payment_method": customer and customer.payment_method,
        "is_paperless": customer and customer.is_paperless, "has_partner": customer and customer.has_partner,
        "has_dependents": customer and customer.has_dependents, "price_eur": float(now.price),
        "is_suspended": now.status == "suspended",
        "days_to_contract_end": (now.contract_end_on - as_of).days if now.contract_end_on else None,
        "price_change_eur_90d": float(now.price - earlier[-1]) if earlier else None,
        "days_since_price_change": (as_of - max(changed)).days if changed else None,
    }


def held_products(landed: Landed, told: Sequence[Terms], as_of: date) -> set[str]:
    """What a line holds as a day begins: a feed of its own says so, or its plan and the add-ons beside it."""
    now = told[-1]
    if now.addons is not None:
        lists = [row for row in known(landed.plans[now.line[0], now.plan], as_of) if row.valid_at < midnight(as_of)]
        newest = max(lists, key=lambda row: row.valid_at, default=None)
        return set(now.addons | (newest.codes if newest else frozenset()))
    newest_of: dict[tuple[str, date], Any] = {}
    for row in sorted(known(landed.products[now.line], as_of), key=lambda row: (row.changed_at, row.known_on)):
        if row.changed_at < midnight(as_of):
            newest_of[row.code, row.started_on] = row
    return {row.code for row in newest_of.values()
            if row.started_on < as_of and (row.ended_on is None or row.ended_on >= as_of)}


def products(landed: Landed, told: Sequence[Terms], as_of: date) -> Values:
    held = held_products(landed, told, as_of)
    technology = "fiber" if "internet_fiber" in held else "dsl" if "internet_dsl" in held else "none"
    return {"product_count": len(held), "internet_technology": technology,
            **{f"has_{code}": code in held for code in ADDONS}}


def bills(landed: Landed, told: Sequence[Terms], as_of: date) -> Values:
    """What was billed to the line, and what it is worth a month."""
    invoices = [row for row in known(landed.invoices[told[-1].line], as_of) if row.issued_on < as_of]
    recent = [row for row in invoices if window(as_of, 90, row.issued_on)]
    billed = sum((row.amount for row in recent), Fraction(0))
    count = len(recent)
    newest = max(recent, key=lambda row: (row.issued_on, row.number), default=None)
    covered = (max(row.to_on for row in recent) - min(row.from_on for row in recent)).days if recent else 1
    rates = landed.cost_rates
    costs = rates.get("base", Fraction(0)) + sum(
        (rates.get(code, Fraction(0)) for code in held_products(landed, told, as_of)), Fraction(0))
    variance = count * sum((row.amount ** 2 for row in recent), Fraction(0)) - billed ** 2
    return {
        **{f"billed_eur_{days}d": float(sum((row.amount for row in invoices if window(as_of, days, row.issued_on)),
                                            Fraction(0))) for days in (30, 90, 365)},
        "invoice_count_90d": count,
        "billed_trend_ratio_90d": float(newest.amount * count / billed) if newest and billed > 0 else None,
        "days_since_last_invoice": (as_of - max(row.issued_on for row in invoices)).days if invoices else None,
        "margin_eur_30d": float(30 * billed / max(covered, 1) - costs),
        "billed_sd_eur_90d": sqrt(variance) / count if count else None,
    }


def payments(landed: Landed, line: Line, as_of: date) -> Values:
    """How the line's invoices were paid. A credit note is never late."""
    invoices = [row for row in known(landed.invoices[line], as_of) if row.issued_on < as_of]
    attempts: dict[str, list[Payment]] = {
        row.number: [paid for paid in known(landed.payments[line[0], row.number], as_of)
                     if paid.paid_at < midnight(as_of)]
        for row in invoices
    }
    every = [paid for made in attempts.values() for paid in made]
    recent = [paid for paid in every if window(as_of, 90, paid.paid_at.date())]
    failed = sum(not paid.is_paid for paid in recent)
    settled = [paid.paid_at.date() for paid in every if paid.is_paid]
    unpaid, late = Fraction(0), []
    for row in invoices:
        good = [paid for paid in attempts[row.number] if paid.is_paid]
        got = sum((paid.amount for paid in good), Fraction(0))
        if window(as_of, 90, row.issued_on) and row.due_on < as_of:
            unpaid += row.amount - got
        if row.amount > 0 and window(as_of, 90, row.due_on):
            until = max(paid.paid_at.date() for paid in good) if good and got >= row.amount else as_of
            late.append(max((until - row.due_on).days, 0))
    return {
        "failed_payments_90d": failed, "unpaid_eur_90d": float(unpaid),
        "days_since_last_payment": (as_of - max(settled)).days if settled else None,
        "failed_payment_ratio_90d": ratio(failed, len(recent)), "mean_days_late_90d": ratio(sum(late), len(late)),
    }


def account(landed: Landed, payer: Line, as_of: date) -> Values:
    """The lines of the customer who pays: open ones, and those that ended in the last 90 days."""
    newest = [told[-1] for line in landed.lines_of_account[payer] if (told := known_terms(landed, line, as_of))]
    mine = [terms for terms in newest if terms.account == payer]
    return {
        "account_line_count": sum(is_open(terms, as_of) for terms in mine),
        "account_ended_lines_90d": sum(
            terms.ended_on is not None and window(as_of, 90, terms.ended_on) for terms in mine),
    }


# --- network


def usage(used: Sequence[Use], as_of: date) -> Values:
    """What the line used. Nothing reported in 90 days: all is None but has_network."""
    in_90 = [use for use in used if window(as_of, 90, use.on)]
    in_30 = [use for use in in_90 if window(as_of, 30, use.on)]
    in_7 = [use for use in in_90 if window(as_of, 7, use.on)]
    names = ("data_mb_7d", "data_mb_30d", "data_mb_90d", "voice_min_30d", "sms_count_30d", "data_trend_ratio_30d",
             "active_days_30d", "days_since_last_use", "dropped_call_ratio_30d", "roaming_mb_90d",
             "data_trend_ratio_7d", "voice_trend_ratio_30d", "data_sd_mb_30d", "active_days_7d")
    if not in_90:
        return {"has_network": False, **dict.fromkeys(names)}
    kb = {days: sum(use.data_kb for use in rows) for days, rows in ((7, in_7), (30, in_30), (90, in_90))}
    talk_30, talk_90 = (sum(use.voice_s for use in rows) for rows in (in_30, in_90))
    days_used = {use.on for use in in_90 if use.is_use}
    # The days without a row are days of 0: thirty of them in all.
    variance = 30 * sum(use.data_kb ** 2 for use in in_30) - kb[30] ** 2
    values = (
        kb[7] / 1024, kb[30] / 1024, kb[90] / 1024, talk_30 / 60, sum(use.sms for use in in_30),
        ratio(3 * kb[30], kb[90]), sum(window(as_of, 30, on) for on in days_used),
        (as_of - max(days_used)).days if days_used else None,
        ratio(sum(use.dropped for use in in_30), sum(use.calls for use in in_30)),
        sum(use.roaming_kb for use in in_90) / 1024, ratio(30 * kb[7], 7 * kb[30]), ratio(3 * talk_30, talk_90),
        sqrt(variance) / 30 / 1024, sum(window(as_of, 7, on) for on in days_used),
    )
    return {"has_network": True, **dict(zip(names, values, strict=True))}


class CellQuality(NamedTuple):
    """A cell's day: share of bearers kept, Mbit/s, ms and share of time in service; None where not measured."""

    retainability: float | None
    mbps: float | None
    ms: float | None
    availability: float | None

    @property
    def is_bad(self) -> bool:
        bounds = ((self.retainability, BAD_RETAINABILITY), (self.availability, BAD_AVAILABILITY), (self.mbps, BAD_MBPS))
        return any(value is not None and value < bound for value, bound in bounds)


def cell_quality(cells: Cells, cell: str, on: date, as_of: date) -> CellQuality | None:
    """What the vendors' counters are known to say of a cell's day; None when they say nothing."""
    told = known(cells.get((cell, on), []), as_of)
    if not told:
        return None
    lost, releases, volume, active, delay, packets, gone, observed = (
        sum(column) for column in zip(*(row[1:] for row in told), strict=True))
    kept, served = ratio(lost, releases), ratio(gone, observed)
    return CellQuality(None if kept is None else 1 - kept, ratio(volume, active), ratio(delay, packets),
                       None if served is None else 1 - served)


def quality(cells: Cells, used: Sequence[Use], as_of: date) -> Values:
    """The radio the line met in the last 30 days: means over its cells' days by share of use, every day alike."""
    met = [(share, found) for use in used if window(as_of, 30, use.on) for cell, share in use.cells
           if (found := cell_quality(cells, cell, use.on, as_of)) is not None]

    def mean(values: list[tuple[float, float | None]], unit: float) -> float | None:
        """Weighted, each cell's day in whole units, half a unit rounded up."""
        counted = [(share, floor(value * unit + 0.5)) for share, value in values if value is not None]
        return ratio(sum(share * value for share, value in counted), unit * sum(share for share, _ in counted))

    return {
        "retainability_ratio_30d": mean([(share, cell.retainability) for share, cell in met], 1e6),
        "dl_throughput_mbps_30d": mean([(share, cell.mbps) for share, cell in met], 1e3),
        "dl_latency_ms_30d": mean([(share, cell.ms) for share, cell in met], 1e3),
        "availability_ratio_30d": mean([(share, cell.availability) for share, cell in met], 1e6),
        "bad_cell_share_30d": mean([(share, float(cell.is_bad)) for share, cell in met], 1),
    }


def numbers(landed: Landed, held: Sequence[Hold], as_of: date) -> Values:
    """What happened to the line's number and SIM. Billing's first day is local, the network's UTC: a day of slack."""
    swaps, is_ported_in = [], False
    for hold in held:
        for event in known(landed.events[hold.number], as_of):
            on = event.at.date()
            if event.at < midnight(as_of):
                if event.kind == "sim_swap" and hold.has(on) and window(as_of, 90, on):
                    swaps.append(on)
                if event.kind == "port_in" and abs((on - hold.start).days) <= 1:
                    is_ported_in = True
    return {"days_since_sim_swap": (as_of - max(swaps)).days if swaps else None, "is_ported_in": is_ported_in}


# --- care


def care(landed: Landed, held: Sequence[Hold], as_of: date) -> Values:
    """What the line's holder said to customer care while holding the number."""
    every = [row for hold in held for row in known(landed.contacts[hold.number], as_of)
             if row.at < midnight(as_of) and hold.has(row.at.date())]
    in_90 = [row for row in every if window(as_of, 90, row.at.date())]
    in_30 = [row for row in in_90 if window(as_of, 30, row.at.date())]
    angry = [row.at.date() for row in in_90 if row.is_complaint]
    return {
        "has_care": "care.interactions" in landed.feeds,
        "contacts_7d": sum(window(as_of, 7, row.at.date()) for row in in_90), "contacts_30d": len(in_30),
        "contacts_90d": len(in_90), "unresolved_contacts_30d": sum(not row.is_resolved for row in in_30),
        "unresolved_contacts_90d": sum(not row.is_resolved for row in in_90), "complaints_90d": len(angry),
        "mean_wait_s_90d": ratio(sum(row.wait_s for row in in_90), len(in_90)),
        "billing_contacts_90d": sum(row.topic == "billing" for row in in_90),
        "network_contacts_90d": sum(row.topic == "network" for row in in_90),
        "days_since_last_contact": (as_of - max(row.at.date() for row in every)).days if every else None,
        "contacts_trend_ratio_30d": ratio(3 * len(in_30), len(in_90)),
        "resolved_ratio_90d": ratio(sum(row.is_resolved for row in in_90), len(in_90)),
        "days_since_last_complaint": (as_of - max(angry)).days if angry else None,
        **complaints(landed, held, as_of),
    }


def complaints(landed: Landed, held: Sequence[Hold], as_of: date) -> Values:
    """The complaints of the line that are open as a day begins, and how old the oldest of them is."""
    opened = []
    for hold in held:
        states: dict[str, list[Complaint]] = {}
        for row in known(landed.complaints[hold.number], as_of):
            if row.changed_at < midnight(as_of):
                states.setdefault(row.complaint, []).append(row)
        for rows in states.values():
            on = min(row.changed_at.date() for row in rows)
            newest = max(rows, key=lambda row: (row.changed_at, row.known_on))
            if hold.has(on) and newest.status == "open":
                opened.append(on)
    return {"open_complaints": len(opened),
            "oldest_open_complaint_days": (as_of - min(opened)).days if opened else None}
