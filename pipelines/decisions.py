"""Where decisions about models and their scores are written down: the audit log."""

from __future__ import annotations

from typing import Any

from pipelines.governance import audit


def record(event: str, subject: str, **facts: Any) -> None:
    """Record one decision; `facts` are plain values. Safe to repeat: the same decision is one line."""
    audit.record(event, subject=subject, once=True, **facts)
