"""What the network knows of numbers and cells: daily use, the cells, and what happens to numbers and SIMs."""

from __future__ import annotations

from pipelines.landing.shapes import DT, IMSI, MSISDN, TS, Column, D, Feed, Form, I, Kind, S

VENDORS = ("ericsson", "nokia", "huawei", "samsung")
NUMBER_EVENTS = ("activation", "port_in", "port_out", "sim_swap", "reassignment")


def _cell(rank: int) -> tuple[Column, Column]:
    return (
        Column(f"cell_{rank}_id", S, f"number {rank} of the day's most used cells, by volume", nullable=True),
        Column(f"cell_{rank}_share", D, "its share of the day's use, 0 to 1", nullable=True),
    )


FEEDS: tuple[Feed, ...] = (
    Feed(
        "network", "usage_daily", Kind.EVENT, Form.PARQUET, ("msisdn", "usage_on"), "usage_on",
        columns=(
            MSISDN,
            Column("usage_on", DT, "local day of use"),
            Column("data_kb", I, "data volume up and down, kB (1024 bytes)"),
            Column("voice_seconds", I, "outgoing and incoming talk time"),
            Column("sms_count", I, "messages sent"),
            Column("calls", I, "calls attempted"),
            Column("calls_dropped", I, "calls lost after set-up (retainability, 3GPP TS 32.425)"),
            Column("roaming_kb", I, "data volume abroad, kB"),
            *(column for rank in (1, 2, 3) for column in _cell(rank)),
        ),
    ),
    Feed(
        "network", "cells", Kind.SNAPSHOT, Form.PARQUET, ("cell_id", "valid_on"), "valid_on",
        columns=(
            Column("cell_id", S, "cell, unique in the network"),
            Column("site_id", S, "site it stands on"),
            Column("vendor", S, "who made it; says which counters speak of it", values=VENDORS),
            Column("technology", S, "radio access technology", values=("lte", "nr")),
            Column("band", S, "3GPP operating band, such as n78 or b3"),
            Column("region", S, "network region"),
            Column("valid_on", DT, "day of this list"),
        ),
    ),
    Feed(
        "network", "number_events", Kind.EVENT, Form.PARQUET, ("event_id",), "occurred_at",
        columns=(
            Column("event_id", S, "number of the event"),
            Column("event", S, "what happened; reassignment: a number given to a new customer after quarantine",
                   values=NUMBER_EVENTS),
            MSISDN,
            Column("imsi", S, IMSI.meaning + "; the new one after a SIM swap", nullable=True,
                   identifier=IMSI.identifier),
            Column("other_network", S, "donor of a port in, recipient of a port out", nullable=True),
            Column("occurred_at", TS, "when it took effect"),
        ),
    ),
)
