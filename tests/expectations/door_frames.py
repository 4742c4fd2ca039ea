"""Clean batches as the door gives them to the suites, one per feed; a test spoils one row of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipelines.landing.contract import BY_ID, Column, Feed, Type
from pipelines.landing.feeds.counters import VENDORS, Vendor
from pipelines.quality import watched

DAY = np.datetime64("2026-03-10")

# Per second of a period, in the measurement's unit: a busy, healthy cell.
HEALTHY = {
    "rrc_attempts": 1.0, "rrc_successes": 0.99, "bearer_attempts": 1.2, "bearer_successes": 1.19,
    "bearer_releases": 1.2, "bearer_abnormal_releases": 0.01, "dl_volume_kbit": 20_000.0, "dl_active_ms": 900.0,
    "dl_delay_ms_sum": 60_000.0, "dl_delay_packets": 2_000.0, "unavailable_s": 0.0, "prb_used": 40_000.0,
    "prb_available": 100_000.0,
}

_OWN: dict[str, dict[str, Any]] = {
    "billing_alpha.subscriptions": {
        "started_on": "2025-01-01", "contract_type": "12m", "contract_end_on": "2026-12-31", "status": "active",
        "ended_on": None, "end_reason": None,
    },
    "billing_alpha.products": {"started_on": "2026-03-10", "ended_on": None},
    "billing_alpha.invoices": {"period_start_on": "2026-02-08", "period_end_on": "2026-03-10", "due_on": "2026-03-24"},
    "billing_bravo.subscribers": {
        "household": 2, "term_months": 12, "activated_on": "2025-01-01", "commit_until": "2026-12-31", "state": "A",
        "terminated_on": None, "term_code": None,
    },
    "billing_bravo.bills": {"from_on": "2026-02-08", "to_on": "2026-03-10", "due_on": "2026-03-24"},
    "network.usage_daily": {
        "calls": 5, "calls_dropped": 0, "cell_1_share": 0.5, "cell_2_share": 0.3, "cell_3_share": 0.2,
    },
    "network.number_events": {"event": "sim_swap"},
    "governance.campaigns": {"arm": "contacted"},
}


def chunk(feed_id: str, rows: int = 50) -> pd.DataFrame:
    """`rows` sound rows of a feed, with the columns the door adds."""
    feed = BY_ID[feed_id]
    frame = pd.DataFrame({"_drop": np.zeros(rows, dtype=np.int64)})
    frame["_days_after_drop"] = 0
    frame["_key_copies"] = 1
    if feed.operator_column is not None:
        frame["_operator_known"] = 1
    if any(column.money is not None for column in feed.columns):
        frame["_currency_known"] = 1
    own = _counters(feed, rows) if feed.source == "pm" else _OWN.get(feed_id, {})
    for column in feed.columns:
        if column.identifier is None or column.identifier.value not in ("name", "free_text"):
            frame[column.name] = _values(column, own.get(column.name, _Unsaid), rows)
    return frame


def drops(feed_id: str, rows: int = 1000, **said: Any) -> pd.DataFrame:
    """One whole drop as the suite of drops sees it."""
    feed = BY_ID[feed_id]
    frame = pd.DataFrame({
        "rows": [rows], "median_rows": [float(rows)], "ratio": [1.0], "newest_days_before_drop": [0],
        "oldest_days_before_drop": [0], "is_day_zero": [False], "is_confirmed": [False],
    })
    for column in watched(feed):
        frame[f"filled.{column}"] = 1.0
    if feed.source == "pm":
        frame["cells"] = rows / (1440 / vendor(feed).granularity_minutes)
    for name, value in said.items():
        frame[name] = [value]
    return frame


def vendor(feed: Feed) -> Vendor:
    return next(vendor for vendor in VENDORS if vendor.name == feed.name)


class _Unsaid:
    pass


def _values(column: Column, said: Any, rows: int) -> Any:
    if column.values:
        value = column.values[0] if said is _Unsaid else said
        return pd.Categorical([value] * rows, categories=list(column.values))
    if column.type is Type.STRING:
        return np.arange(rows) if said is _Unsaid else said
    if column.type in (Type.DATE, Type.LOCAL_TIME, Type.INSTANT):
        value = np.datetime64("NaT") if said is None else DAY if said is _Unsaid else said
        unit = "ms" if column.type is Type.DATE else "us"
        return np.array([value] * rows, dtype=f"datetime64[{unit}]") if np.ndim(said) == 0 else said
    if column.type is Type.BOOLEAN:
        return np.ones(rows, dtype=bool)
    return 1 if said is _Unsaid else said


def _counters(feed: Feed, rows: int) -> dict[str, Any]:
    """Rows of consecutive periods of one cell."""
    made = vendor(feed)
    period = np.timedelta64(made.granularity_minutes, "m")
    own: dict[str, Any] = {made.start: DAY.astype("datetime64[us]") + np.arange(rows) * period}
    for counter in made.counters:
        own[counter.name] = HEALTHY[counter.measurement] * 60 * made.granularity_minutes / counter.factor
    return own
