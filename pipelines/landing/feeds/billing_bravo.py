"""Billing of operator bravo, subscriber-centric: every line is its own customer record. JSON lines, decimals, UTC."""

from __future__ import annotations

from pipelines.landing.shapes import DT, IMSI, MSISDN, TS, B, Column, Feed, Form, I, Identifier, Kind, M, Money, S

SUB_REF = Column("sub_ref", S, "one line of one customer", identifier=Identifier.SUBSCRIPTION)
CUSTOMER_NO = Column("customer_no", S, "the paying customer; numbers collide with other operators' account numbers",
                     identifier=Identifier.ACCOUNT)

FEEDS: tuple[Feed, ...] = (
    Feed(
        "billing_bravo", "subscribers", Kind.CHANGE, Form.JSONL, ("sub_ref", "modified_at"), "modified_at", vault=True,
        columns=(
            SUB_REF,
            CUSTOMER_NO,
            MSISDN,
            IMSI,
            Column("full_name", S, "never leaves the door", nullable=True, identifier=Identifier.NAME),
            Column("customer_class", S, "R residential, B business", values=("R", "B")),
            Column("sales_area", S, "sales region"),
            Column("age_class", S, "A adult, S 65 and older, U unknown; never a feature", values=("A", "S", "U")),
            Column("household", I, "persons in the household, where known", nullable=True),
            Column("e_bill", B, "bills by e-mail", nullable=True),
            Column("pay_channel", S, "how bills are paid", values=("SEPA", "CARD", "TRANSFER", "CASH", "VOUCHER")),
            Column("tariff_id", S, "the plan, see plans"),
            Column("pay_mode", S, "PRE prepaid, POST postpaid", values=("PRE", "POST")),
            Column("term_months", I, "length of the binding period in months; 0 without one"),
            Column("addons", S, "codes of add-ons held beside the plan, separated by |", nullable=True),
            Column("fee", M, "monthly list price of the plan with its add-ons, major units", money=Money.MAJOR),
            Column("state", S, "A active, B barred for debt, T terminated", values=("A", "B", "T")),
            Column("activated_on", DT, "first day of service"),
            Column("commit_until", DT, "last day of the binding period", nullable=True),
            Column("terminated_on", DT, "day the line ended", nullable=True),
            Column("term_code", S, "why it ended: CUST cancelled, MNP ported out, DEBT not paid", nullable=True,
                   values=("CUST", "MNP", "DEBT")),
            Column("modified_at", TS, "from when this state holds"),
        ),
    ),
    Feed(
        "billing_bravo", "plans", Kind.SNAPSHOT, Form.JSONL, ("tariff_id", "valid_at"), "valid_at",
        currency_column="currency",
        columns=(
            Column("tariff_id", S, "the plan"),
            Column("tariff_name", S, "as sold"),
            Column("monthly_fee", M, "list price, major units", money=Money.MAJOR),
            Column("currency", S, "ISO 4217"),
            Column("components", S, "codes of the products in the plan, separated by |"),
            Column("valid_at", TS, "when this list was made"),
        ),
    ),
    Feed(
        "billing_bravo", "bills", Kind.EVENT, Form.JSONL, ("bill_no",), "issued_at",
        currency_column="currency",
        columns=(
            Column("bill_no", S, "bill or credit note"),
            SUB_REF,
            CUSTOMER_NO,
            Column("issued_at", TS, "when it was issued"),
            Column("from_on", DT, "first day billed"),
            Column("to_on", DT, "day after the last day billed"),
            Column("due_on", DT, "due date"),
            Column("total", M, "net billed, major units; negative for a credit note", money=Money.MAJOR),
            Column("currency", S, "ISO 4217"),
        ),
    ),
    Feed(
        "billing_bravo", "payments", Kind.EVENT, Form.JSONL, ("payment_no",), "booked_at",
        currency_column="currency",
        columns=(
            Column("payment_no", S, "payment attempt"),
            Column("bill_no", S, "bill it pays"),
            CUSTOMER_NO,
            Column("booked_at", TS, "when the attempt was booked"),
            Column("total", M, "major units", money=Money.MAJOR),
            Column("currency", S, "ISO 4217"),
            Column("result", S, "OK paid, REJ rejected", values=("OK", "REJ")),
        ),
    ),
)

# Codes of bravo's components and add-ons, and what they are in the house.
PRODUCT_CODES = {
    "VOX": "voice", "XL": "multiple_lines", "DATA": "mobile_data", "NET-C": "internet_dsl", "NET-F": "internet_fiber",
    "SEC": "online_security", "BAK": "online_backup", "DEV": "device_protection", "SUP": "tech_support",
    "TV": "streaming_tv", "MOV": "streaming_movies",
}
