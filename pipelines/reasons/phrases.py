"""The one table from features to words: theme, what to say of a value, what to say when it is unknown.

Phrases state the value, so that they are true whatever direction the model learned; the sign is said in front of them.
Features of one theme say the same thing in several windows, so a subscriber is told of a theme once. LEVERS says what
a retention agent can do about a theme.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Phrase:
    """Words for one feature. `said` has `{value}`; a flag has `said` for yes and `denied` for no."""

    theme: str
    said: str
    unknown: str
    denied: str | None = None
    digits: int = 0


def _flag(theme: str, yes: str, no: str) -> Phrase:
    return Phrase(theme, yes, f"not known: {yes}", denied=no)


_NO_INVOICE: Final = "no invoices to compare"
_NO_USAGE: Final = "no network usage known"
_NO_CARE: Final = "no care data"
_NO_CELLS: Final = "no quality known where they are"

PHRASES: Final[dict[str, Phrase]] = {
    # who and since when
    "tenure_days": Phrase("tenure", "customer for {value} days", "length of custom unknown"),
    "contract_type": Phrase("contract", "contract: {value}", "contract unknown"),
    "days_to_contract_end": Phrase("contract", "contract ends in {value} days", "no contract end"),
    "plan_code": Phrase("plan", "plan {value}", "plan unknown"),
    "segment": Phrase("segment", "{value} customer", "segment unknown"),
    "has_partner": _flag("household", "lives with a partner", "lives without a partner"),
    "has_dependents": _flag("household", "has dependents", "has no dependents"),
    "is_suspended": _flag("suspension", "line is suspended", "line is not suspended"),
    # what they hold
    "product_count": Phrase("products", "{value} products held", "products unknown"),
    "internet_technology": Phrase("internet", "internet: {value}", "internet access unknown"),
    "has_voice": _flag("voice", "has voice", "has no voice"),
    "has_multiple_lines": _flag("voice", "several lines", "a single line"),
    "has_mobile_data": _flag("mobile data", "has mobile data", "has no mobile data"),
    "has_online_security": _flag("security", "has online security", "has no online security"),
    "has_online_backup": _flag("backup", "has online backup", "has no online backup"),
    "has_device_protection": _flag("protection", "has device protection", "has no device protection"),
    "has_tech_support": _flag("support", "has technical support", "has no technical support"),
    "has_streaming_tv": _flag("streaming", "streams TV", "does not stream TV"),
    "has_streaming_movies": _flag("streaming", "streams films", "does not stream films"),
    # what they pay
    "price_eur": Phrase("price", "list price {value} EUR", "price unknown", digits=2),
    "price_change_eur_90d": Phrase("price change", "price changed by {value} EUR in 90 days", "no price change known",
                                   digits=2),
    "billed_eur_30d": Phrase("billed", "{value} EUR billed in 30 days", "nothing billed yet", digits=2),
    "billed_eur_90d": Phrase("billed", "{value} EUR billed in 90 days", "nothing billed yet", digits=2),
    "billed_eur_365d": Phrase("billed", "{value} EUR billed in a year", "nothing billed yet", digits=2),
    "margin_eur_30d": Phrase("billed", "margin of {value} EUR a month", "margin unknown", digits=2),
    "billed_trend_ratio_90d": Phrase("bill trend", "bills at {value} times the period before", _NO_INVOICE, digits=2),
    "invoice_count_90d": Phrase("invoices", "{value} invoices in 90 days", "no invoice yet"),
    "days_since_last_invoice": Phrase("invoices", "last invoice {value} days ago", "no invoice yet"),
    "payment_method": Phrase("payment method", "pays by {value}", "payment method unknown"),
    "is_paperless": _flag("paperless", "paperless billing", "bills on paper"),
    "failed_payments_90d": Phrase("payments", "{value} failed payments in 90 days", "payments unknown"),
    "unpaid_eur_90d": Phrase("payments", "{value} EUR unpaid of 90 days", "payments unknown", digits=2),
    "days_since_last_payment": Phrase("payments", "last payment {value} days ago", "no payment known"),
    "failed_payment_ratio_90d": Phrase("payments", "{value} of payment attempts failed in 90 days", "no payment tried",
                                       digits=2),
    "mean_days_late_90d": Phrase("payments", "pays {value} days late on average", "no bill was due", digits=1),
    "billed_sd_eur_90d": Phrase("bill trend", "bills vary by {value} EUR", _NO_INVOICE, digits=2),
    "days_since_price_change": Phrase("price change", "price changed {value} days ago", "no price change known"),
    "account_line_count": Phrase("account", "{value} lines on the account", "lines of the account unknown"),
    "account_ended_lines_90d": Phrase("account", "{value} lines of the account ended in 90 days",
                                      "lines of the account unknown"),
    # what they use
    "has_network": _flag("usage", "network usage seen", "no network usage known"),
    "data_mb_7d": Phrase("usage", "{value} MB in 7 days", _NO_USAGE),
    "data_mb_30d": Phrase("usage", "{value} MB in 30 days", _NO_USAGE),
    "data_mb_90d": Phrase("usage", "{value} MB in 90 days", _NO_USAGE),
    "active_days_30d": Phrase("usage", "active on {value} of 30 days", _NO_USAGE),
    "days_since_last_use": Phrase("usage", "last used {value} days ago", _NO_USAGE),
    "voice_min_30d": Phrase("calls", "{value} call minutes in 30 days", "no calls known"),
    "sms_count_30d": Phrase("calls", "{value} messages in 30 days", "no calls known"),
    "data_trend_ratio_30d": Phrase("usage trend", "data use at {value} times the month before",
                                   "no usage to compare", digits=2),
    "dropped_call_ratio_30d": Phrase("dropped calls", "{value} of calls dropped in 30 days", "no calls to judge",
                                     digits=3),
    "roaming_mb_90d": Phrase("roaming", "{value} MB roaming in 90 days", "no roaming known"),
    "data_trend_ratio_7d": Phrase("usage trend", "data use at {value} times the weeks before", "no usage to compare",
                                  digits=2),
    "voice_trend_ratio_30d": Phrase("usage trend", "calls at {value} times the months before", "no calls to compare",
                                    digits=2),
    "data_sd_mb_30d": Phrase("usage", "data use varies by {value} MB a day", _NO_USAGE),
    "active_days_7d": Phrase("usage", "active on {value} of 7 days", _NO_USAGE),
    "retainability_ratio_30d": Phrase("network quality", "{value} of connections held where they are", _NO_CELLS,
                                      digits=4),
    "dl_throughput_mbps_30d": Phrase("network quality", "{value} Mbit/s where they are", _NO_CELLS, digits=1),
    "dl_latency_ms_30d": Phrase("network quality", "{value} ms delay where they are", _NO_CELLS, digits=1),
    "availability_ratio_30d": Phrase("network quality", "network in service {value} of the time", _NO_CELLS, digits=4),
    "bad_cell_share_30d": Phrase("network quality", "{value} of use on badly working cells", _NO_CELLS, digits=2),
    "days_since_sim_swap": Phrase("SIM", "new SIM {value} days ago", "no new SIM in 90 days"),
    "is_ported_in": _flag("number", "brought the number along", "took a number of this network"),
    # what they asked of care
    "has_care": _flag("contacts", "care data known", "no care data"),
    "contacts_7d": Phrase("contacts", "{value} care contacts in 7 days", _NO_CARE),
    "contacts_30d": Phrase("contacts", "{value} care contacts in 30 days", _NO_CARE),
    "contacts_90d": Phrase("contacts", "{value} care contacts in 90 days", _NO_CARE),
    "days_since_last_contact": Phrase("contacts", "last care contact {value} days ago", "no care contact known"),
    "unresolved_contacts_30d": Phrase("unresolved", "{value} unresolved contacts in 30 days",
                                      "unresolved contacts unknown"),
    "unresolved_contacts_90d": Phrase("unresolved", "{value} unresolved contacts in 90 days",
                                      "unresolved contacts unknown"),
    "complaints_90d": Phrase("complaints", "{value} complaints in 90 days", "no complaints data"),
    "mean_wait_s_90d": Phrase("waiting", "waited {value} seconds on average", "never waited for care"),
    "contacts_trend_ratio_30d": Phrase("contacts", "contacts at {value} times the months before",
                                       "no care contact known", digits=2),
    "resolved_ratio_90d": Phrase("unresolved", "{value} of contacts settled at once in 90 days",
                                 "no contact to settle in 90 days", digits=2),
    "days_since_last_complaint": Phrase("complaints", "last complaint {value} days ago", "no complaint known"),
    "open_complaints": Phrase("complaints", "{value} open complaints", "no complaints data"),
    "oldest_open_complaint_days": Phrase("complaints", "complaint open for {value} days", "no open complaint"),
    "billing_contacts_90d": Phrase("billing contacts", "{value} contacts about billing in 90 days",
                                   "contacts about billing unknown"),
    "network_contacts_90d": Phrase("network contacts", "{value} contacts about the network in 90 days",
                                   "contacts about the network unknown"),
}

# What an agent can offer or set right, by theme; None for what stays as it is, like tenure, or is past, like a wait.
LEVERS: Final[dict[str, str | None]] = {
    "tenure": None,
    "contract": "offer a renewal",
    "plan": "offer a plan that fits the use",
    "segment": None,
    "household": None,
    "suspension": "settle what the line is suspended for",
    "products": "offer a bundle",
    "internet": "offer another access",
    "voice": "offer the product",
    "mobile data": "offer the product",
    "security": "offer the product",
    "backup": "offer the product",
    "protection": "offer the product",
    "support": "offer the product",
    "streaming": "offer the product",
    "price": "offer a discount or a cheaper plan",
    "price change": "explain it, or offer the former price",
    "billed": "offer a plan that fits the use",
    "bill trend": "explain the bills, offer a fixed price",
    "invoices": None,
    "payment method": "offer direct debit",
    "paperless": None,
    "payments": "offer instalments or another due date",
    "account": None,
    "usage": None,
    "calls": None,
    "usage trend": None,
    "dropped calls": "hand the cells to the network, offer Wi-Fi calling",
    "roaming": "offer a roaming option",
    "network quality": "hand the cells to the network, offer Wi-Fi calling",
    "SIM": None,
    "number": None,
    "contacts": None,
    "unresolved": "settle the open contact, call back",
    "complaints": "settle the complaint, call back",
    "waiting": None,
    "billing contacts": "explain the bill",
    "network contacts": "check the line, call back",
}
