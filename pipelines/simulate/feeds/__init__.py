"""What happened on a day, as tables of the landing contract: one pure function per feed."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from pipelines.landing.feeds.counters import VENDORS
from pipelines.simulate import counters
from pipelines.simulate.feeds import alpha, bravo, desk, network, rights
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.life import Today

Maker = Callable[[Context, Today], pa.Table]
SNAPSHOTS = ("network.cells", "billing_bravo.plans")


def _counter_maker(position: int) -> Maker:
    vendor = VENDORS[position]

    def make(context: Context, today: Today) -> pa.Table:
        return counters.table(
            context.seed, vendor, context.cells, today.cells, context.calendar[today.day], context.parameters)

    return make


MAKERS: dict[str, Maker] = {
    "billing_alpha.accounts": alpha.accounts, "billing_alpha.subscriptions": alpha.subscriptions,
    "billing_alpha.products": alpha.products, "billing_alpha.invoices": alpha.invoices,
    "billing_alpha.payments": alpha.payments, "billing_bravo.subscribers": bravo.subscribers,
    "billing_bravo.plans": bravo.plans, "billing_bravo.bills": bravo.bills, "billing_bravo.payments": bravo.payments,
    "network.usage_daily": network.usage_daily, "network.cells": network.cells,
    "network.number_events": network.number_events,
    **{f"pm.{vendor.name}": _counter_maker(position) for position, vendor in enumerate(VENDORS)},
    "care.interactions": desk.interactions, "care.complaints": desk.complaints,
    "governance.consents": rights.consents, "governance.erasure_requests": rights.erasure_requests,
    "governance.campaigns": rights.campaigns,
}
