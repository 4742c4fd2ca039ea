"""Performance counters of the cells: canonical measurements first, then each vendor's own names, units and periods.

A cell's day is the traffic its users made there, spread over the hours; bad radio shows in every measurement: set-ups
that fail, bearers that break, slow and late packets, hours without service (3GPP TS 28.552 and 32.425).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.landing.feeds.counters import VENDORS, Vendor
from pipelines.simulate.arrays import Floats, Ints
from pipelines.simulate.parameters import Parameters
from pipelines.simulate.radio import Cells
from pipelines.simulate.streams import stream

DAY_SECONDS = 86_400
# Share of a day's traffic by hour of the day, UTC: quiet at night, highest in the evening (an assumption).
_HOURS = np.array([2, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 5, 6, 5, 5, 5, 6, 6, 7, 8, 8, 7, 5, 3], dtype=np.float64)
HOURS = _HOURS / _HOURS.sum()
DATA_SHARE_DOWN = 0.9
SESSION_KB = 2_000  # of one data bearer
RRC_PER_BEARER = 1.6
SETUP_FAILS, SETUP_FAILS_BAD = 0.004, 0.06
SPEED_LTE, SPEED_NR = 35.0, 110.0  # Mbit/s per user on an idle cell
SPEED_LOSS_BAD, SPEED_LOSS_LOAD = 0.65, 0.45
DELAY_MS, DELAY_MS_BAD, DELAY_MS_LOAD = 18.0, 45.0, 25.0
PACKET_KBIT = 12.0  # 1500 bytes
UNAVAILABLE_BAD = 0.05  # share of the time without service at full severity
PRB = {False: 100, True: 273}  # of 20 MHz LTE and 100 MHz NR (TS 36.101, TS 38.101-1)
PRB_SAMPLES = 1  # a second


@dataclass(frozen=True)
class CellDay:
    """What the cells went through on one day."""

    day: int
    severity: Floats
    data_kb: Floats
    calls: Floats
    vendor: Ints


def measurements(
    seed: int, vendor: Vendor, cells: Cells, mine: Ints, seen: CellDay, parameters: Parameters,
) -> dict[str, Floats]:
    """Canonical measurements [cell, period] of one vendor's cells."""
    periods = 24 * 60 // vendor.granularity_minutes
    seconds = DAY_SECONDS / periods
    rng, shape = stream(seed, f"pm {vendor.name}", seen.day), (len(mine), periods)
    share = np.repeat(HOURS, periods // 24) / (periods // 24)
    wave = share * np.exp(rng.standard_normal(shape, dtype=np.float32) * np.float32(0.25))
    flutter = 1 + np.float32(0.25) * rng.standard_normal(shape, dtype=np.float32)
    bad = np.clip(seen.severity[mine, None] * flutter, 0, 1)
    kbit = np.rint(seen.data_kb[mine, None] * wave * (8.192 * DATA_SHARE_DOWN))
    bearers = np.rint((seen.data_kb[mine, None] / SESSION_KB + 2 * seen.calls[mine, None]) * wave)
    attempts = np.rint(bearers * RRC_PER_BEARER)
    fails = SETUP_FAILS + SETUP_FAILS_BAD * bad
    nr = cells.is_nr[mine, None]
    busiest = np.maximum(seen.data_kb[mine].mean() * HOURS.max() * 24, 1.0)  # kB a day at the busiest hour's pace
    load = np.clip(0.6 * seen.data_kb[mine, None] * wave * periods / busiest + 0.25 * bad, 0.01, 0.98)
    speed = np.where(nr, SPEED_NR, SPEED_LTE) * (1 - SPEED_LOSS_BAD * bad) * (1 - SPEED_LOSS_LOAD * load)
    packets = np.rint(kbit / PACKET_KBIT)
    successes = np.rint(bearers * (1 - fails))
    available = np.where(nr, PRB[True], PRB[False]) * seconds * PRB_SAMPLES
    return {
        "rrc_attempts": attempts, "rrc_successes": np.rint(attempts * (1 - fails)),
        "bearer_attempts": bearers, "bearer_successes": successes, "bearer_releases": successes,
        "bearer_abnormal_releases": np.minimum(
            rng.poisson(successes * (parameters.drop_ratio + parameters.drop_ratio_bad * bad)), successes),
        "dl_volume_kbit": kbit, "dl_active_ms": np.rint(kbit / speed),
        "dl_delay_ms_sum": np.rint(packets * (DELAY_MS + DELAY_MS_BAD * bad + DELAY_MS_LOAD * load)),
        "dl_delay_packets": packets,
        "unavailable_s": np.where(bad > 0.3, np.rint(seconds * UNAVAILABLE_BAD * bad / 10) * 10, 0.0),
        "prb_used": np.rint(available * load), "prb_available": np.broadcast_to(available, shape),
    }


def table(
    seed: int, vendor: Vendor, cells: Cells, seen: CellDay, midnight: np.datetime64, parameters: Parameters,
) -> pa.Table:
    """One vendor's counters of one day, cell by cell: vendor value = canonical value / factor, to three places."""
    mine = np.flatnonzero(seen.vendor == [one.name for one in VENDORS].index(vendor.name))
    periods = 24 * 60 // vendor.granularity_minutes
    found = measurements(seed, vendor, cells, mine, seen, parameters)
    cell = pa.DictionaryArray.from_arrays(pa.array(np.repeat(mine, periods).astype(np.int32)), cells.names)
    starts = midnight.astype("datetime64[s]") + np.arange(periods) * np.timedelta64(vendor.granularity_minutes, "m")
    columns: dict[str, pa.Array] = {vendor.cell: cell, vendor.start: pa.array(np.tile(starts, len(mine)))}
    for counter in vendor.counters:
        columns[counter.name] = _in_unit(found[counter.measurement].ravel(), counter.factor)
    return pa.table(columns)


def _in_unit(canonical: Floats, factor: float) -> pa.Array:
    """Whole numbers stay whole: shorter in text, and exact."""
    if factor == 1.0:
        return pa.array(canonical.astype(np.int64))
    value = canonical / factor
    if factor < 1:
        return pa.array(np.rint(value).astype(np.int64))
    return pa.array(np.rint(value * 1000) / 1000)


