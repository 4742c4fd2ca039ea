"""Feature views: one row per active subscriber per as_of.

`ttl` is one day short of a second: a value serves the as_of it was published for and no later one, so a cut-off
whose partition is missing comes back empty and is refused, never filled from an older night. The tag `always_set`
names the column that is never NULL in a published row: a NULL in it means that the row was not found.
"""

from datetime import timedelta

from data_sources import scores, subscriber_billing, subscriber_care, subscriber_network
from entities import subscriber
from feast import FeatureView, Field
from feast.types import Bool, Float64, Int64, String, UnixTimestamp
from governance import governed

ONE_NIGHT = timedelta(days=1) - timedelta(seconds=1)


def fields(kind, *names):
    """Fields of one type."""
    return [Field(name=name, dtype=kind) for name in names]


ftr_subscriber_billing = FeatureView(
    name="ftr_subscriber_billing",
    entities=[subscriber],
    ttl=ONE_NIGHT,
    online=False,
    source=subscriber_billing,
    tags=governed("billing", always_set="tenure_days"),
    schema=[
        Field(name="subscriber_id", dtype=String),
        *fields(Int64, "tenure_days"),
        *fields(String, "contract_type", "plan_code", "segment", "payment_method"),
        *fields(Bool, "is_paperless", "has_partner", "has_dependents"),
        *fields(Float64, "price_eur"),
        *fields(Bool, "is_suspended"),
        *fields(Int64, "days_to_contract_end", "product_count"),
        *fields(String, "internet_technology"),
        *fields(
            Bool, "has_voice", "has_multiple_lines", "has_mobile_data", "has_online_security", "has_online_backup",
            "has_device_protection", "has_tech_support", "has_streaming_tv", "has_streaming_movies",
        ),
        *fields(Float64, "billed_eur_30d", "billed_eur_90d", "billed_eur_365d"),
        *fields(Int64, "invoice_count_90d"),
        *fields(Float64, "billed_trend_ratio_90d"),
        *fields(Int64, "days_since_last_invoice"),
        *fields(Float64, "price_change_eur_90d"),
        *fields(Int64, "failed_payments_90d"),
        *fields(Float64, "unpaid_eur_90d"),
        *fields(Int64, "days_since_last_payment"),
        *fields(Float64, "margin_eur_30d"),
        *fields(Float64, "failed_payment_ratio_90d", "mean_days_late_90d", "billed_sd_eur_90d"),
        *fields(Int64, "days_since_price_change", "account_line_count", "account_ended_lines_90d"),
    ],
)

ftr_subscriber_network = FeatureView(
    name="ftr_subscriber_network",
    entities=[subscriber],
    ttl=ONE_NIGHT,
    online=False,
    source=subscriber_network,
    tags=governed("network", always_set="has_network"),
    schema=[
        Field(name="subscriber_id", dtype=String),
        *fields(Bool, "has_network"),
        *fields(Float64, "data_mb_7d", "data_mb_30d", "data_mb_90d", "voice_min_30d"),
        *fields(Int64, "sms_count_30d"),
        *fields(Float64, "data_trend_ratio_30d"),
        *fields(Int64, "active_days_30d", "days_since_last_use"),
        *fields(Float64, "dropped_call_ratio_30d", "roaming_mb_90d"),
        *fields(Float64, "data_trend_ratio_7d", "voice_trend_ratio_30d", "data_sd_mb_30d"),
        *fields(Int64, "active_days_7d"),
        *fields(
            Float64, "retainability_ratio_30d", "dl_throughput_mbps_30d", "dl_latency_ms_30d",
            "availability_ratio_30d", "bad_cell_share_30d",
        ),
        *fields(Int64, "days_since_sim_swap"),
        *fields(Bool, "is_ported_in"),
    ],
)

ftr_subscriber_care = FeatureView(
    name="ftr_subscriber_care",
    entities=[subscriber],
    ttl=ONE_NIGHT,
    online=False,
    source=subscriber_care,
    tags=governed("care", always_set="has_care"),
    schema=[
        Field(name="subscriber_id", dtype=String),
        *fields(Bool, "has_care"),
        *fields(
            Int64, "contacts_7d", "contacts_30d", "contacts_90d", "unresolved_contacts_30d", "unresolved_contacts_90d",
            "complaints_90d",
        ),
        *fields(Float64, "mean_wait_s_90d"),
        *fields(Int64, "billing_contacts_90d", "network_contacts_90d", "days_since_last_contact"),
        *fields(Float64, "contacts_trend_ratio_30d", "resolved_ratio_90d"),
        *fields(Int64, "days_since_last_complaint", "open_complaints", "oldest_open_complaint_days"),
    ],
)

# What a care desk looks up about a caller. Narrow on purpose: SQLite keeps one row per value, and 100,000 subscribers
# times 40 features took 65 CPU seconds.
subscriber_online = FeatureView(
    name="subscriber_online",
    entities=[subscriber],
    ttl=timedelta(days=3),
    online=True,
    source=subscriber_billing,
    tags=governed("billing", purpose="ANALYTICS"),
    schema=[
        Field(name="subscriber_id", dtype=String),
        *fields(Int64, "tenure_days"),
        *fields(String, "contract_type"),
        *fields(Float64, "price_eur"),
        *fields(Int64, "days_to_contract_end"),
    ],
)

# Beside them tonight's scores. Reasons are one text and expiry is the models' earliest: SQLite keeps one row per value.
subscriber_scores = FeatureView(
    name="subscriber_scores",
    entities=[subscriber],
    ttl=timedelta(days=3),
    online=True,
    source=scores,
    tags=governed("scores", purpose="ANALYTICS", pushed="scores"),
    schema=[
        Field(name="subscriber_id", dtype=String),
        *fields(Float64, "churn_probability"),
        *fields(Int64, "churn_decile"),
        *fields(String, "churn_reasons"),
        *fields(Int64, "churn_version"),
        *fields(Float64, "ltv_eur_12m"),
        *fields(Int64, "ltv_version"),
        *fields(UnixTimestamp, "expires_at"),
    ],
)
