"""A small published world: a roster and three feature marts, ~200 subscribers, made without dbt.

Values depend on the subscriber's number and the as_of only, so the same call writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.publish import Dataset, Entry
from pipelines.settings import settings

S, I, D, B = pa.string(), pa.int64(), pa.float64(), pa.bool_()  # noqa: E741

BILLING = {
    "tenure_days": I, "contract_type": S, "plan_code": S, "segment": S, "payment_method": S, "is_paperless": B,
    "has_partner": B, "has_dependents": B, "price_eur": D, "is_suspended": B, "days_to_contract_end": I,
    "product_count": I, "internet_technology": S, "has_voice": B, "has_multiple_lines": B, "has_mobile_data": B,
    "has_online_security": B, "has_online_backup": B, "has_device_protection": B, "has_tech_support": B,
    "has_streaming_tv": B, "has_streaming_movies": B, "billed_eur_30d": D, "billed_eur_90d": D, "billed_eur_365d": D,
    "invoice_count_90d": I, "billed_trend_ratio_90d": D, "days_since_last_invoice": I, "price_change_eur_90d": D,
    "failed_payments_90d": I, "unpaid_eur_90d": D, "days_since_last_payment": I, "margin_eur_30d": D,
    "failed_payment_ratio_90d": D, "mean_days_late_90d": D, "billed_sd_eur_90d": D, "days_since_price_change": I,
    "account_line_count": I, "account_ended_lines_90d": I,
}
NETWORK = {
    "has_network": B, "data_mb_7d": D, "data_mb_30d": D, "data_mb_90d": D, "voice_min_30d": D, "sms_count_30d": I,
    "data_trend_ratio_30d": D, "active_days_30d": I, "days_since_last_use": I, "dropped_call_ratio_30d": D,
    "roaming_mb_90d": D, "data_trend_ratio_7d": D, "voice_trend_ratio_30d": D, "data_sd_mb_30d": D,
    "active_days_7d": I, "retainability_ratio_30d": D, "dl_throughput_mbps_30d": D, "dl_latency_ms_30d": D,
    "availability_ratio_30d": D, "bad_cell_share_30d": D, "days_since_sim_swap": I, "is_ported_in": B,
}
CARE = {
    "has_care": B, "contacts_7d": I, "contacts_30d": I, "contacts_90d": I, "unresolved_contacts_30d": I,
    "unresolved_contacts_90d": I, "complaints_90d": I, "mean_wait_s_90d": D, "billing_contacts_90d": I,
    "network_contacts_90d": I, "days_since_last_contact": I, "contacts_trend_ratio_30d": D, "resolved_ratio_90d": D,
    "days_since_last_complaint": I, "open_complaints": I, "oldest_open_complaint_days": I,
}
MARTS = {"ftr_subscriber_billing": BILLING, "ftr_subscriber_network": NETWORK, "ftr_subscriber_care": CARE}
WORDS = {
    "contract_type": ["month_to_month", "one_year", "two_year"], "plan_code": ["S", "M", "L"],
    "segment": ["consumer", "business"], "payment_method": ["direct_debit", "card", "check"],
    "internet_technology": ["none", "dsl", "fiber"], "operator": ["alpha", "bravo"],
}
ROSTER = {"operator": S, "region": S, "segment": S, "age_band": S, "contract_type": S, "tenure_days": I,
          "is_active": B, "exclusion": S}
CONSENT = {"operator": S, "has_analytics": B, "has_model_training": B}


def ids(count: int) -> list[str]:
    return [f"sub_{number:05d}" for number in range(count)]


def values(columns: Mapping[str, pa.DataType], count: int, as_of: date) -> pd.DataFrame:
    """Plausible values: no two as_ofs alike, a third of the network rows NULL because nothing was used."""
    draw = np.random.default_rng(as_of.toordinal())
    made: dict[str, object] = {}
    for name, kind in columns.items():
        if kind == S:
            made[name] = draw.choice(WORDS.get(name, ["a", "b"]), count)
        elif kind == B:
            made[name] = draw.random(count) < 0.5
        elif kind == I:
            made[name] = draw.integers(0, 90, count)
        else:
            made[name] = np.round(draw.normal(30, 12, count), 2)
    frame = pd.DataFrame(made)
    if "has_network" in columns:
        gone = ~frame["has_network"].to_numpy()
        for name in columns:
            if name != "has_network":
                frame[name] = frame[name].astype({I: "Int64", B: "boolean"}.get(columns[name], "float64"))
                frame.loc[gone, name] = np.nan if columns[name] == D else pd.NA
    if "has_care" in columns:
        frame["has_care"] = True
    return frame


def stamp(frame: pd.DataFrame, subscribers: list[str], as_of: date, created: date | None = None) -> pd.DataFrame:
    frame = frame.copy()
    frame.insert(0, "subscriber_id", subscribers)
    frame.insert(1, "event_timestamp", datetime(as_of.year, as_of.month, as_of.day))
    born = created or as_of
    frame.insert(2, "created_at", datetime(born.year, born.month, born.day))
    return frame


def publish(root: Path, as_of: date, frame: pd.DataFrame, columns: Mapping[str, pa.DataType]) -> Entry:
    """Publish one partition as the warehouse does: typed, timestamps in microseconds, sorted by subscriber."""
    schema = pa.schema([
        ("subscriber_id", S), ("event_timestamp", pa.timestamp("us")), ("created_at", pa.timestamp("us")),
        *columns.items(),
    ])

    def write(path: Path) -> int:
        table = pa.Table.from_pandas(frame.sort_values("subscriber_id"), schema=schema, preserve_index=False)
        pq.write_table(table.replace_schema_metadata(None), path)
        return len(frame)

    return Dataset(root, ("as_of",)).publish({"as_of": as_of.isoformat()}, write)


def publish_world(
    as_ofs: list[date], count: int = 200, inactive: int = 10, without_consent: Sequence[int] = ()
) -> None:
    """Roster (the last `inactive` ones are left out, for two reasons), consent, the three marts of the active ones."""
    active = count - inactive
    for as_of in as_ofs:
        roster = values(ROSTER, count, as_of)
        roster["is_active"] = [number < active for number in range(count)]
        roster["exclusion"] = [
            None if number < active else ("silent_45_days" if number % 2 else "tenure_under_one_day")
            for number in range(count)
        ]
        publish(settings().features / "roster", as_of, stamp(roster, ids(count), as_of), ROSTER)
        says = [number not in without_consent for number in range(count)]
        consent = roster[["operator"]].assign(has_analytics=says, has_model_training=says)
        publish(settings().features / "consent", as_of, stamp(consent, ids(count), as_of), CONSENT)
        for mart, columns in MARTS.items():
            frame = stamp(values(columns, active, as_of), ids(active), as_of)
            publish(settings().features / mart, as_of, frame, columns)
