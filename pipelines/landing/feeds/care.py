"""Customer care: what customers say, and what became of their complaints."""

from __future__ import annotations

from pipelines.landing.shapes import MSISDN, TS, B, Column, Feed, Form, I, Identifier, Kind, S

TOPICS = ("billing", "network", "contract", "device", "other")

FEEDS: tuple[Feed, ...] = (
    Feed(
        "care", "interactions", Kind.EVENT, Form.JSONL, ("interaction_id",), "opened_at",
        columns=(
            Column("interaction_id", S, "ticket, call or chat number"),
            MSISDN,
            Column("channel", S, "how", values=("call", "chat", "ticket")),
            Column("topic", S, "what about", values=TOPICS),
            Column("opened_at", TS, "start"),
            Column("is_resolved", B, "settled within the interaction"),
            Column("is_complaint", B, "logged as a complaint"),
            Column("wait_seconds", I, "time until answered"),
            Column("text", S, "free text; scrubbed at the door", nullable=True, identifier=Identifier.FREE_TEXT),
        ),
    ),
    Feed(
        "care", "complaints", Kind.CHANGE, Form.JSONL, ("complaint_id", "changed_at"), "changed_at",
        columns=(
            Column("complaint_id", S, "complaint number"),
            MSISDN,
            Column("interaction_id", S, "the interaction it began with", nullable=True),
            Column("category", S, "what about", values=TOPICS),
            Column("status", S, "state", values=("open", "settled", "rejected")),
            Column("changed_at", TS, "from when this state holds"),
            Column("text", S, "free text; scrubbed at the door", nullable=True, identifier=Identifier.FREE_TEXT),
        ),
    ),
)
