"""What happened, as tables of the landing contract: one pure function per feed, with the drop day of every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.importers.drops import schema
from pipelines.landing.contract import BY_ID, CONTRACT_TYPES, PRODUCTS
from pipelines.simulate import care, words
from pipelines.simulate.billing import DUE_DAYS, END_REASONS
from pipelines.simulate.life import Columns, History
from pipelines.simulate.population import PAY_BY, PREPAID, REGIONS, Ints
from pipelines.simulate.state import ENDED, NEVER

SECONDS = 86_400
STATUS = np.array(["active", "suspended", "ended"])


@dataclass(frozen=True)
class FeedTable:
    """All rows of one feed, ordered by drop day and key; `day` counts from the start of history."""

    table: pa.Table
    day: Ints

    def between(self, first: int, stop: int) -> pa.Table:
        """Rows of the drop days [first, stop)."""
        low, high = np.searchsorted(self.day, [first, stop])
        return self.table.slice(int(low), int(high - low))


class Feeds:
    """Turns a history into the contract's feeds."""

    def __init__(self, history: History, seed: int) -> None:
        self.lines, self.start, self.events, self.seed = history.lines, history.start, history.events, seed
        self.epoch = np.datetime64(history.start, "D").astype(int)
        count = range(len(self.lines))
        accounts = self.lines.account.tolist()
        business = self.lines.is_business.tolist()
        self.account_id = np.array([words.account_id(account) for account in accounts], dtype=object)
        self.subscription_id = np.array([words.subscription_id(line) for line in count], dtype=object)
        self.msisdn = np.array([words.msisdn(line) for line in count], dtype=object)
        self.name = np.array(
            [words.customer_name(account, firm, seed) for account, firm in zip(accounts, business, strict=True)],
            dtype=object,
        )
        self.canaries: dict[str, set[str]] = {
            "account_id": set(self.account_id), "subscription_id": set(self.subscription_id),
            "msisdn": {number.lstrip("+") for number in self.msisdn}, "customer_name": set(self.name),
            "email": set(), "iban": set(),
        }

    def tables(self) -> dict[str, FeedTable]:
        """Every feed of the contract by id."""
        makers: dict[str, Callable[[], tuple[Columns | dict[str, Any], Ints]]] = {
            "billing_alpha.accounts": self.accounts, "billing_alpha.subscriptions": self.subscriptions,
            "billing_alpha.products": self.products, "billing_alpha.invoices": self.invoices,
            "billing_alpha.payments": self.payments, "network.usage_daily": self.usage,
            "care.interactions": self.interactions,
        }
        return {
            feed_id: FeedTable(pa.table(columns, schema=schema(BY_ID[feed_id])), day)
            for feed_id, (columns, day) in ((feed_id, make()) for feed_id, make in makers.items())
        }

    def accounts(self) -> tuple[dict[str, Any], Ints]:
        """One row per account, on the day its first line is activated, or on the first day of history."""
        _, line = np.unique(self.lines.account, return_index=True)
        day = np.maximum(self.lines.started[line], 0)
        order = np.lexsort((line, day))
        line, day = line[order], day[order]
        region = np.array(REGIONS)[self.lines.cell[line] % len(REGIONS)]
        business = self.lines.is_business[line]
        return {
            "account_id": self.account_id[line], "customer_name": self.name[line],
            "segment": np.where(business, "business", "consumer"), "region": region,
            "age_band": np.where(business, "unknown", np.where(self.lines.is_senior[line], "65_plus", "under_65")),
            "has_partner": pa.array(self.lines.has_partner[line], mask=business),
            "has_dependents": pa.array(self.lines.has_dependents[line], mask=business),
            "is_paperless": self.lines.is_paperless[line], "payment_method": np.array(PAY_BY)[self.lines.payment[line]],
            "changed_at": self._at(day, line, 8),
        }, day

    def subscriptions(self) -> tuple[dict[str, Any], Ints]:
        """The state at the end of a day, for every line that is new or changed; day 0 tells all there were."""
        seen = self.events["subscriptions"]
        line, day = seen["line"], seen["day"]
        is_ended = seen["status"] == ENDED
        plan = np.where(self.lines.is_business[line], "business_", "") + np.array(CONTRACT_TYPES)[
            self.lines.contract[line]
        ].astype(object)
        return {
            "subscription_id": self.subscription_id[line], "account_id": self.account_id[line],
            "msisdn": self.msisdn[line], "plan_code": plan,
            "contract_type": np.array(CONTRACT_TYPES)[self.lines.contract[line]], "price_cents": seen["price"],
            "started_on": self._date(self.lines.started[line]),
            "contract_end_on": self._date(seen["binding_end"], missing=seen["binding_end"] >= NEVER),
            "status": STATUS[seen["status"]], "ended_on": self._date(seen["ended"], missing=~is_ended),
            "end_reason": pa.array(np.array(END_REASONS)[seen["reason"]], mask=~is_ended),
            "changed_at": self._at(day, line, 8),
        }, day

    def products(self) -> tuple[dict[str, Any], Ints]:
        seen = self.events["products"]
        line, day = seen["line"], seen["day"]
        return {
            "subscription_id": self.subscription_id[line], "product_code": np.array(PRODUCTS)[seen["product"]],
            "started_on": self._date(seen["since"]), "ended_on": self._date(day, missing=seen["is_held"]),
            "changed_at": self._at(day, line, 8),
        }, day

    def invoices(self) -> tuple[dict[str, Any], Ints]:
        seen = self.events["invoices"]
        line, day = seen["line"], seen["day"]
        is_prepaid = self.lines.contract[line] == PREPAID
        return {
            "invoice_id": self._numbers("R", day, line), "account_id": self.account_id[line],
            "subscription_id": self.subscription_id[line], "issued_on": self._date(day),
            "period_start_on": self._date(seen["period_start"]), "period_end_on": self._date(day),
            "due_on": self._date(day + np.where(is_prepaid, 0, DUE_DAYS)), "amount_cents": seen["amount"],
            "currency": np.full(len(line), "EUR"),
        }, day

    def payments(self) -> tuple[dict[str, Any], Ints]:
        seen = self.events["payments"]
        line, day = seen["line"], seen["day"]
        return {
            "payment_id": self._numbers("P", day, line), "invoice_id": self._numbers("R", seen["issued"], line),
            "account_id": self.account_id[line], "paid_at": self._at(day, line, 9), "amount_cents": seen["amount"],
            "status": np.where(seen["is_ok"], "ok", "failed"),
        }, day

    def usage(self) -> tuple[dict[str, Any], Ints]:
        """The network knows numbers without `+`."""
        seen = self.events["usage"]
        bare = pa.array([number.lstrip("+") for number in self.msisdn])
        return {
            "msisdn": bare.take(pa.array(seen["line"])), "usage_on": self._date(seen["day"]),
            "data_kb": seen["data_kb"], "voice_seconds": seen["voice_seconds"], "sms_count": seen["sms"],
            "calls": seen["calls"], "calls_dropped": seen["dropped"], "roaming_kb": seen["roaming_kb"],
        }, seen["day"]

    def interactions(self) -> tuple[dict[str, Any], Ints]:
        seen = self.events["care"]
        line, day = seen["line"], seen["day"]
        topics = np.array(care.TOPICS)[seen["topic"]]
        texts = []
        for topic, draw, one in zip(topics.tolist(), seen["text"].tolist(), line.tolist(), strict=True):
            text, planted = words.note(topic, draw, self.name[one], self.msisdn[one])
            texts.append(text)
            for kind in ("email", "iban"):
                self.canaries[kind] |= {planted[kind]} if planted else set()
        instant = ((day + self.epoch) * SECONDS + seen["second"]).astype("datetime64[s]").astype("datetime64[us]")
        return {
            "interaction_id": self._numbers("C", day, line), "msisdn": self.msisdn[line],
            "channel": np.array(care.CHANNELS)[seen["channel"]], "topic": topics, "opened_at": instant,
            "is_resolved": seen["is_resolved"], "is_complaint": seen["is_complaint"],
            "wait_seconds": seen["wait_seconds"], "text": texts,
        }, day

    def _date(self, day: Any, missing: Any = None) -> pa.Array:
        days = (np.where(day >= NEVER, 0, day) + self.epoch).astype("datetime64[D]")
        return pa.array(days, pa.date32(), mask=missing)

    def _at(self, day: Any, line: Any, hour: int) -> Any:
        """A local time in working hours, far from the hours a clock change skips or repeats."""
        second = hour * 3600 + (line * 7919 + day * 104_729) % (10 * 3600)
        return ((day + self.epoch) * SECONDS + second).astype("datetime64[s]")

    def _numbers(self, kind: str, day: Any, line: Any) -> list[str]:
        """Document numbers: one document of a kind per line and day at most."""
        text = np.datetime_as_string((day + self.epoch).astype("datetime64[D]"))
        return [f"{kind}{on.replace('-', '')}{one:08d}" for on, one in zip(text.tolist(), line.tolist(), strict=True)]
