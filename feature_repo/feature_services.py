"""Feature services: the columns a model is trained with and scored with. Immutable once a registered model used one.

A service that needs other columns is a new version (`churn_v3`), never an edit; an old one names its columns, so that
a view may grow.
"""

from feast import FeatureService
from feature_views import ftr_subscriber_billing, ftr_subscriber_care, ftr_subscriber_network

BILLING_V1 = [
    "tenure_days", "contract_type", "plan_code", "segment", "payment_method", "is_paperless", "has_partner",
    "has_dependents", "price_eur", "is_suspended", "days_to_contract_end", "product_count", "internet_technology",
    "has_voice", "has_multiple_lines", "has_mobile_data", "has_online_security", "has_online_backup",
    "has_device_protection", "has_tech_support", "has_streaming_tv", "has_streaming_movies", "billed_eur_30d",
    "billed_eur_90d", "billed_eur_365d", "invoice_count_90d", "billed_trend_ratio_90d", "days_since_last_invoice",
    "price_change_eur_90d", "failed_payments_90d", "unpaid_eur_90d", "days_since_last_payment", "margin_eur_30d",
]
NETWORK_V1 = [
    "has_network", "data_mb_7d", "data_mb_30d", "data_mb_90d", "voice_min_30d", "sms_count_30d",
    "data_trend_ratio_30d", "active_days_30d", "days_since_last_use", "dropped_call_ratio_30d", "roaming_mb_90d",
]
CARE_V1 = [
    "has_care", "contacts_7d", "contacts_30d", "contacts_90d", "unresolved_contacts_30d", "unresolved_contacts_90d",
    "complaints_90d", "mean_wait_s_90d", "billing_contacts_90d", "network_contacts_90d", "days_since_last_contact",
]
V1 = [ftr_subscriber_billing[BILLING_V1], ftr_subscriber_network[NETWORK_V1], ftr_subscriber_care[CARE_V1]]

BILLING_V2 = [
    *BILLING_V1, "failed_payment_ratio_90d", "mean_days_late_90d", "billed_sd_eur_90d", "days_since_price_change",
    "account_line_count", "account_ended_lines_90d",
]
NETWORK_V2 = [
    *NETWORK_V1, "data_trend_ratio_7d", "voice_trend_ratio_30d", "data_sd_mb_30d", "active_days_7d",
    "retainability_ratio_30d", "dl_throughput_mbps_30d", "dl_latency_ms_30d", "availability_ratio_30d",
    "bad_cell_share_30d", "days_since_sim_swap", "is_ported_in",
]
CARE_V2 = [
    *CARE_V1, "contacts_trend_ratio_30d", "resolved_ratio_90d", "days_since_last_complaint", "open_complaints",
    "oldest_open_complaint_days",
]
V2 = [ftr_subscriber_billing[BILLING_V2], ftr_subscriber_network[NETWORK_V2], ftr_subscriber_care[CARE_V2]]

churn_v1 = FeatureService(
    name="churn_v1",
    features=V1,
    description="What billing, network and care told of a subscriber before number events, counters and complaints.",
)

# The same columns: the lifetime value multiplies the margin with the survival that the churn model gives the same row.
ltv_v1 = FeatureService(
    name="ltv_v1",
    features=V1,
    description="The margin of a subscriber, and the columns the churn model needs to say how long they stay.",
)

churn_v2 = FeatureService(
    name="churn_v2",
    features=V2,
    description="Everything known of a subscriber from billing, network and care, the quality of the cells used too.",
)

ltv_v2 = FeatureService(
    name="ltv_v2",
    features=V2,
    description="The margin of a subscriber, and the columns the churn model needs to say how long they stay.",
)

upgrade_v1 = FeatureService(
    name="upgrade_v1",
    features=V2,
    description="What tells who moves to a dearer plan: use, plan and price, tenure, the end of the contract, care.",
)
