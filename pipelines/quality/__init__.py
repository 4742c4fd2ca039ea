"""The checks of the door: suites of expectations/ run on what arrives, what they found, and pages of it for people."""

from __future__ import annotations

from pipelines.quality.checks import check_drop, check_drops, check_raw, watched
from pipelines.quality.documents import document
from pipelines.quality.findings import Findings, Outcome
from pipelines.quality.record import Record

__all__ = ["Findings", "Outcome", "Record", "check_drop", "check_drops", "check_raw", "document", "watched"]
