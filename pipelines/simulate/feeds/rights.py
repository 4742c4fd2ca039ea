"""What governance drops: consents, erasure requests, and the arms of campaigns, of both operators."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.landing.feeds.governance import PURPOSES
from pipelines.simulate.arrays import coded
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.governance import CHANNELS, CONTACTED, OFFERS
from pipelines.simulate.life import Today
from pipelines.simulate.population import OPERATORS

ARMS = ("contacted", "control")
SAID_BY = ("contract", "app", "call", "letter")


def consents(context: Context, today: Today) -> pa.Table:
    """What the lines told of today grant, and who changed their mind. No row: never granted."""
    seen = today.events["consents"]
    line = seen["line"]
    return pa.table({
        "operator": coded(OPERATORS, context.lines.operator[line]), "subscription_id": context.subscriptions(line),
        "purpose": coded(PURPOSES, seen["purpose"]),
        "status": coded(("withdrawn", "granted"), seen["is_granted"].view(np.int8)),
        "channel": coded(SAID_BY, seen["channel"]), "changed_at": context.at(today.day, line, 9),
    })


def erasure_requests(context: Context, today: Today) -> pa.Table:
    """Requests to be forgotten."""
    seen = today.events["erasures"]
    line = seen["line"]
    return pa.table({
        "request_id": context.document("E", today.day, line),
        "operator": coded(OPERATORS, context.lines.operator[line]),
        "subscription_id": context.subscriptions(line), "requested_at": context.second(today.day, seen["second"]),
    })


def campaigns(context: Context, today: Today) -> pa.Table:
    """Who was drawn for the day's campaign, and into which arm; on most days there is none."""
    seen = today.events.get("campaigns")
    if seen is None:
        seen = {name: np.empty(0, np.int64) for name in ("line", "campaign", "arm", "channel", "second")}
    line, held_out = seen["line"], seen["arm"] != CONTACTED
    names = tuple(f"retention_{number + 1:03d}" for number in range(int(seen["campaign"].max(initial=0)) + 1))
    return pa.table({
        "campaign_id": coded(names, seen["campaign"]), "operator": coded(OPERATORS, context.lines.operator[line]),
        "subscription_id": context.subscriptions(line), "arm": coded(ARMS, seen["arm"]),
        "offer": coded(OFFERS, seen["campaign"] % len(OFFERS), held_out),
        "channel": coded(CHANNELS, seen["channel"], held_out), "assigned_at": context.second(today.day, seen["second"]),
    })
