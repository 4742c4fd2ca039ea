"""Where decisions about models are written down: the log, and the audit log of the estate."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def record(event: str, **facts: Any) -> None:
    """Record one decision; `facts` are plain values and dates."""
    log.info("decision %s %s", event, " ".join(f"{name}={value}" for name, value in facts.items()))
