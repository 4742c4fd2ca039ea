"""What customer care drops: contacts with free text, and complaints until they are settled."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.simulate import words
from pipelines.simulate.arrays import Columns, coded, join, text
from pipelines.simulate.care import CHANNELS, TOPICS
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.life import Today

STATUS = ("open", "settled", "rejected")


def interactions(context: Context, today: Today) -> pa.Table:
    """One row per contact."""
    seen = today.events["care"]
    return pa.table({
        "interaction_id": context.document("C", today.day, seen["line"]), "msisdn": join("+", text(seen["number"])),
        "channel": coded(CHANNELS, seen["channel"]), "topic": coded(TOPICS, seen["topic"]),
        "opened_at": context.second(today.day, seen["second"]), "is_resolved": pa.array(seen["is_resolved"]),
        "is_complaint": pa.array(seen["is_complaint"]), "wait_seconds": pa.array(seen["wait_seconds"]),
        "text": _text(context, seen),
    })


def complaints(context: Context, today: Today) -> pa.Table:
    """One row per complaint opened or closed. It keeps the text it began with."""
    seen = today.events["complaints"]
    return pa.table({
        "complaint_id": context.document("K", seen["opened"], seen["line"]), "msisdn": join("+", text(seen["number"])),
        "interaction_id": context.document("C", seen["opened"], seen["line"]), "category": coded(TOPICS, seen["topic"]),
        "status": coded(STATUS, seen["status"]), "changed_at": context.second(today.day, seen["second"]),
        "text": _text(context, seen),
    })


def _text(context: Context, seen: Columns) -> pa.Array:
    number = join("+", text(seen["number"]))
    said = words.notes(
        context.seed, TOPICS, seen["topic"], np.asarray(seen["text"]), context.names(seen["line"]), number)
    context.canaries.add("email", said.email)
    context.canaries.add("iban", said.iban)
    return said.text
