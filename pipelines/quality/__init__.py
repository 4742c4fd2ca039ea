"""The checks of the door: suites of expectations/ run on what arrives, and what they found. Findings decide."""

from __future__ import annotations

from pipelines.quality.checks import check_drop, check_drops, check_raw, watched
from pipelines.quality.findings import Findings, Outcome

__all__ = ["Findings", "Outcome", "check_drop", "check_drops", "check_raw", "watched"]
