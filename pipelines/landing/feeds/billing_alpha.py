"""Billing of operator alpha, account-centric: one account pays for many subscriptions. CSV, cents, local time."""

from __future__ import annotations

from pipelines.landing.shapes import (
    ACCOUNT_ID,
    DT,
    LT,
    MSISDN,
    SUBSCRIPTION_ID,
    B,
    Column,
    Feed,
    Form,
    I,
    Identifier,
    Kind,
    Money,
    S,
)

CONTRACT_TYPES = ("prepaid", "monthly", "12m", "24m")
PAYMENT_METHODS = ("electronic_check", "mailed_check", "bank_transfer", "credit_card", "top_up")
PRODUCTS = (
    "voice", "multiple_lines", "mobile_data", "internet_dsl", "internet_fiber", "online_security", "online_backup",
    "device_protection", "tech_support", "streaming_tv", "streaming_movies",
)

FEEDS: tuple[Feed, ...] = (
    Feed(
        "billing_alpha", "accounts", Kind.CHANGE, Form.CSV, ("account_id", "changed_at"), "changed_at", vault=True,
        columns=(
            ACCOUNT_ID,
            Column("customer_name", S, "never leaves the door", nullable=True, identifier=Identifier.NAME),
            Column("segment", S, "consumer or business", values=("consumer", "business")),
            Column("region", S, "sales region"),
            Column("age_band", S, "for fairness slices; never a feature", values=("under_65", "65_plus", "unknown")),
            Column("has_partner", B, "household", nullable=True),
            Column("has_dependents", B, "household", nullable=True),
            Column("is_paperless", B, "bills by e-mail", nullable=True),
            Column("payment_method", S, "how bills are paid", values=PAYMENT_METHODS),
            Column("changed_at", LT, "from when this state holds"),
        ),
    ),
    Feed(
        "billing_alpha", "subscriptions", Kind.CHANGE, Form.CSV, ("subscription_id", "changed_at"), "changed_at",
        vault=True,
        columns=(
            SUBSCRIPTION_ID,
            ACCOUNT_ID,
            MSISDN,
            Column("plan_code", S, "tariff"),
            Column("contract_type", S, "binding period", values=CONTRACT_TYPES),
            Column("price_cents", I, "monthly list price of the plan with its products, minor units",
                   money=Money.MINOR),
            Column("started_on", DT, "first day of service"),
            Column("contract_end_on", DT, "last day of the binding period; empty without one", nullable=True),
            Column("status", S, "state", values=("active", "suspended", "ended")),
            Column("ended_on", DT, "day the subscription ended", nullable=True),
            Column("end_reason", S, "why it ended", nullable=True,
                   values=("cancellation", "port_out", "non_payment")),
            Column("changed_at", LT, "from when this state holds"),
        ),
    ),
    Feed(
        "billing_alpha", "products", Kind.CHANGE, Form.CSV, ("subscription_id", "product_code", "changed_at"),
        "changed_at",
        columns=(
            SUBSCRIPTION_ID,
            Column("product_code", S, "add-on or service", values=PRODUCTS),
            Column("started_on", DT, "first day held"),
            Column("ended_on", DT, "day it was given up", nullable=True),
            Column("changed_at", LT, "from when this state holds"),
        ),
    ),
    Feed(
        "billing_alpha", "invoices", Kind.EVENT, Form.CSV, ("invoice_id",), "issued_on",
        currency_column="currency",
        columns=(
            Column("invoice_id", S, "invoice number"),
            ACCOUNT_ID,
            SUBSCRIPTION_ID,
            Column("issued_on", DT, "invoice date"),
            Column("period_start_on", DT, "first day billed"),
            Column("period_end_on", DT, "day after the last day billed"),
            Column("due_on", DT, "due date"),
            Column("amount_cents", I, "net billed, minor units; negative for a credit note", money=Money.MINOR),
            Column("currency", S, "ISO 4217"),
        ),
    ),
    Feed(
        "billing_alpha", "payments", Kind.EVENT, Form.CSV, ("payment_id",), "paid_at",
        columns=(
            Column("payment_id", S, "payment number"),
            Column("invoice_id", S, "invoice it pays"),
            ACCOUNT_ID,
            Column("paid_at", LT, "when the attempt was booked"),
            Column("amount_cents", I, "minor units of the operator's currency", money=Money.MINOR),
            Column("status", S, "outcome", values=("ok", "failed")),
        ),
    ),
)
