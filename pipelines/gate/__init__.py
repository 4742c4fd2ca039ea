"""The gate: from measurements to a verdict with reasons. Pure: it reads no file, no registry and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pipelines.gate import absolute, relative, speed
from pipelines.gate.absolute import coherence
from pipelines.gate.evidence import Case, Check, Comparison, Evaluation, SliceGain, Speed, Verdict, at_least
from pipelines.models.spec import Gate

__all__ = [
    "ORDER", "Case", "Check", "Comparison", "Evaluation", "SliceGain", "Speed", "Verdict", "at_least", "coherence",
    "decide",
]

# A question gives one check, several, or none where it does not apply. Another question is one more line here and what
# it must be shown in `Case`.
ORDER: Final[tuple[Callable[[Case, Gate], Iterator[Check]], ...]] = (
    absolute.enough,
    absolute.finite,
    absolute.leakage,
    absolute.floors,
    absolute.baselines,
    relative.champion,
    relative.slices,
    absolute.calibration,
    relative.calibration,
    relative.label_rate,
    absolute.coherent,
    speed.budget,
    speed.slowdown,
    absolute.consent_and_region,
)


def decide(case: Case, gate: Gate) -> Verdict:
    """Whether the candidate may take the champion's place: every question of ORDER is asked, and all are reported.

    An unknown is never a pass: every bound is asked as `isfinite(x) and x >= bound`, since `not (nan < bound)` is true.
    """
    checks = tuple(check for question in ORDER for check in question(case, gate))
    reasons = tuple(check.sentence for check in checks if not check.passed)
    return Verdict(passed=not reasons, checks=checks, reasons=reasons)
