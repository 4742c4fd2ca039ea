"""Lives of numbers told in a line each, and who holds them by the models' account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from asked import Asked

DAY = timedelta(days=1)
D, S, I, TS = pa.date32(), pa.string(), pa.int64(), pa.timestamp("us")  # noqa: E741
STAMPS = {"operator": S, "source": S, "dt": S, "drop_version": I, "known_on": D, "superseded_on": D}
SUBSCRIPTION = {
    "subscription_token": S, "account_token": S, "msisdn_token": S, "plan_code": S, "addon_codes": pa.list_(S),
    "contract_type": S, "price_house": pa.decimal128(18, 4), "started_on": D, "contract_end_on": D, "status": S,
    "ended_on": D, "end_reason": S, "changed_at": TS, "is_known_assumed": pa.bool_(), **STAMPS,
}
EVENT = {"event_id": S, "event_kind": S, "msisdn_token": S, "imsi_token": S, "occurred_at": TS, **STAMPS}


def on(text: str | date) -> date:
    return text if isinstance(text, date) else date.fromisoformat(f"2026-{text}")


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12)


class Lives:
    """Rows of billing and of the network; `held(by)` says who held what by the knowledge of a day."""

    def __init__(self) -> None:
        self.subscriptions: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def line(
        self, name: str, number: str, told: str | date, since: str | date | None = None,
        ended: str | date | None = None, reason: str | None = "cancellation", operator: str = "alpha",
        known: str | date | None = None, **more: Any,
    ) -> Lives:
        """One row of billing, told at noon of a day and known the next morning."""
        day = on(told)
        self.subscriptions.append({
            "subscription_token": name, "account_token": f"account_{name}", "msisdn_token": number,
            "started_on": on(since) if since else self._since(name) or day, "status": "ended" if ended else "active",
            "ended_on": on(ended) if ended else None, "end_reason": reason if ended else None, "changed_at": noon(day),
            "operator": operator, **self._stamps(day, known), **more,
        })
        return self

    def event(self, kind: str, number: str, day: str | date, known: str | date | None = None, **more: Any) -> Lives:
        self.events.append({
            "event_id": f"e{len(self.events)}", "event_kind": kind, "msisdn_token": number,
            "occurred_at": noon(on(day)), "operator": "alpha", **self._stamps(on(day), known), **more,
        })
        return self

    def _since(self, name: str) -> date | None:
        told = [row["started_on"] for row in self.subscriptions if row["subscription_token"] == name]
        return told[0] if told else None

    def _stamps(self, day: date, known: str | date | None) -> dict[str, Any]:
        return {"source": "told", "dt": day.isoformat(), "drop_version": 1,
                "known_on": on(known) if known else day + DAY, "superseded_on": None}

    def ask(self, *known_by: str | date) -> Asked:
        days = [{"known_by": on(day)} for day in known_by]
        return Asked({
            "int_known_by": (days, {"known_by": D}),
            "int_subscription": (self.subscriptions, SUBSCRIPTION),
            "int_number_event": (self.events, EVENT),
        }).build("int_subscriber_identity", "int_subscription_change", "int_number_holding")

    def held(self, by: str | date = "06-01") -> set[tuple[str, str, str, str | None]]:
        """(subscriber, number, first day, first day not held any more) by the knowledge of a day."""
        rows = self.ask(by).rows("select * from int_number_holding")
        return {(row["subscriber_id"].removeprefix("sub_"), row["msisdn_token"], _short(row["held_from_on"]),
                 _short(row["held_to_on"])) for row in rows}


def _short(day: date | None) -> Any:
    return day and f"{day:%m-%d}"


def ids(asked: Asked, days: Iterable[str]) -> dict[str, set[str]]:
    """The subscriber ids known by each day."""
    rows = asked.rows("select known_by, subscriber_id from int_subscriber_identity")
    return {day: {row["subscriber_id"] for row in rows if row["known_by"] == on(day)} for day in days}
