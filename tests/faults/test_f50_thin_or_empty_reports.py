"""F50: a night that cannot be compared is `unknown`: no pass, no retrain, no hold, and its reason is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from pipelines.monitoring.measure import Family, Measure
from pipelines.monitoring.triage import Action, Cause, Context, triage

CONTEXT = Context("churn", date(2026, 9, 1), 10_000, 10_000, last_year={})
MOVED = [Measure(Family.INPUT, "psi", f"c{place}", 0.9, 0.2) for place in range(10)]


def without_values(why: str) -> list[Measure]:
    return [replace(each, value=None, detail=why) for each in MOVED]


CASES: dict[str, tuple[Callable[[], list[Measure]], Context]] = {
    "no rows tonight": (lambda: MOVED, replace(CONTEXT, current_rows=0)),
    "one row tonight": (lambda: MOVED, replace(CONTEXT, current_rows=1)),
    "one row of training": (lambda: MOVED, replace(CONTEXT, reference_rows=1)),
    "no measure": (lambda: [], CONTEXT),
    "all columns empty": (lambda: without_values("no value tonight"), CONTEXT),
    "all columns constant": (lambda: without_values("constant (3.0) in both"), CONTEXT),
    "numbers that are none": (lambda: [replace(each, value=float("nan")) for each in MOVED], CONTEXT),
    "the comparison crashed": (lambda: [Measure(Family.INPUT, "comparison", "all columns", None, None, "crashed")],
                               CONTEXT),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_unknown_and_asks_for_nothing(case: str) -> None:
    measures, context = CASES[case]
    found = triage(measures(), context)
    assert (found.cause, found.action) == (Cause.UNKNOWN, Action.NONE)
    assert found.reasons


def test_the_same_measures_of_a_whole_night_would_have_retrained() -> None:
    assert triage(MOVED, CONTEXT).action is Action.RETRAIN
