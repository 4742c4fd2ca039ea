"""Where decisions about models and their scores are written down."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def record(event: str, subject: str, **facts: Any) -> None:
    """Record one decision; `facts` are plain values and dates. Safe to repeat: the same decision is one line."""
    log.info("decision %s %s %s", event, subject, " ".join(f"{name}={value}" for name, value in facts.items()))
