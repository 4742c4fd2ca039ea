"""What the operator may do with whom: consents, requests to be forgotten, and who was contacted by a campaign."""

from __future__ import annotations

from pipelines.landing.shapes import LT, SUBSCRIPTION_ID, Column, Feed, Form, Kind, S

OPERATOR = Column("operator", S, "whose subscription it is; one of the estate's operators")
PURPOSES = ("ANALYTICS", "MODEL_TRAINING", "NW_CAP_EXPOSURE", "EDGEAPP_UE_LOCATION")  # UcPurpose, 3GPP TS 29.503

FEEDS: tuple[Feed, ...] = (
    Feed(
        "governance", "consents", Kind.CHANGE, Form.CSV, ("operator", "subscription_id", "purpose", "changed_at"),
        "changed_at", operator_column="operator",
        columns=(
            OPERATOR,
            SUBSCRIPTION_ID,
            Column("purpose", S, "UcPurpose of 3GPP TS 29.503", values=PURPOSES),
            Column("status", S, "what the subscriber said", values=("granted", "withdrawn")),
            Column("channel", S, "how it was said", values=("contract", "app", "call", "letter")),
            Column("changed_at", LT, "from when this holds"),
        ),
    ),
    Feed(
        "governance", "erasure_requests", Kind.EVENT, Form.CSV, ("request_id",), "requested_at",
        operator_column="operator",
        columns=(
            Column("request_id", S, "number of the request"),
            OPERATOR,
            SUBSCRIPTION_ID,
            Column("requested_at", LT, "when it arrived"),
        ),
    ),
    Feed(
        "governance", "campaigns", Kind.EVENT, Form.CSV, ("campaign_id", "operator", "subscription_id"), "assigned_at",
        operator_column="operator",
        columns=(
            Column("campaign_id", S, "campaign"),
            OPERATOR,
            SUBSCRIPTION_ID,
            Column("arm", S, "contacted, or control: held out at random", values=("contacted", "control")),
            Column("offer", S, "what was offered; empty in the control group", nullable=True),
            Column("channel", S, "how", nullable=True, values=("call", "sms", "email", "app")),
            Column("assigned_at", LT, "when the arm was drawn"),
        ),
    ),
)
