"""What the network drops: daily use by cell, the cells, and what happens to numbers. Its numbers have no `+`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.landing.feeds.network import VENDORS
from pipelines.simulate.arrays import coded, text
from pipelines.simulate.feeds.context import Context
from pipelines.simulate.life import Today
from pipelines.simulate.numbers import EVENTS, NETWORKS, PORT_IN, PORTED_OUT
from pipelines.simulate.radio import REGIONS
from pipelines.simulate.words import imsi

HUNDREDTHS = np.round(np.arange(101) / 100, 2)


def usage_daily(context: Context, today: Today) -> pa.Table:
    """One row per line with any use."""
    lines, seen = context.lines, today.events["usage"]
    line = seen["line"]
    columns = {
        "msisdn": text(seen["number"]), "usage_on": context.date(np.full(len(line), today.day)),
        "data_kb": seen["data_kb"], "voice_seconds": seen["voice_seconds"], "sms_count": seen["sms"],
        "calls": seen["calls"], "calls_dropped": seen["dropped"], "roaming_kb": seen["roaming_kb"],
    }
    is_weekend = (context.epoch + today.day + 3) % 7 >= 5  # 1 January 1970 was a Thursday
    share = lines.weekend if is_weekend else lines.share
    for place in range(3):
        part = share[place][line]
        absent = part == 0 if place == 2 else None
        cell = pa.array(lines.cell[place][line], mask=absent)
        columns[f"cell_{place + 1}_id"] = pa.DictionaryArray.from_arrays(cell, context.cells.names)
        columns[f"cell_{place + 1}_share"] = pa.array(HUNDREDTHS[part], mask=absent)
    return pa.table(columns)


def cells(context: Context, today: Today) -> pa.Table:
    """Every cell as it stands on the day."""
    count = context.cells.count
    return cell_list(context, today.day, np.full(count, today.day))


def cell_list(context: Context, day: int, valid: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    """Every cell as it stands on a day; `valid` says since when."""
    built = context.cells
    return pa.table({
        "cell_id": built.names, "site_id": built.sites, "vendor": coded(VENDORS, context.plants.vendor(built, day)),
        "technology": coded(("lte", "nr"), built.is_nr.view(np.int8)), "band": pa.array(built.band),
        "region": coded(REGIONS, built.region), "valid_on": context.date(valid),
    })


def number_events(context: Context, today: Today) -> pa.Table:
    """Activations, ports, SIM swaps, reassignments; the IMSI is the one in force after the event."""
    seen = today.events["numbers"]
    line, sims = seen["line"], imsi(seen["line"], seen["swaps"])
    context.canaries.add("imsi", sims)
    foreign = (seen["kind"] == PORT_IN) | (seen["kind"] == PORTED_OUT)
    return pa.table({
        "event_id": context.document("N", today.day, line, seen["kind"]), "event": coded(EVENTS, seen["kind"]),
        "msisdn": text(seen["number"]), "imsi": sims, "other_network": coded(NETWORKS, seen["network"], ~foreign),
        "occurred_at": context.second(today.day, seen["second"]),
    })
