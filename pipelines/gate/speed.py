"""Scoring must fit into the night: what a batch and a single row take, against the spec's budget and the champion.

How fast a machine was in one minute is no fact of a version, and a version's bytes are the same wherever it is trained.
So a check that passes tells its bound, which was reached; one that fails tells what was measured. The log has both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from pipelines.gate.evidence import NAN, Case, Check, at_least
from pipelines.models.spec import Gate


def budget(case: Case, gate: Gate) -> Iterator[Check]:
    rate = case.speed.rows_per_second if case.speed else NAN
    seconds = case.speed.row_seconds if case.speed else NAN
    passed = at_least(rate, gate.min_rows_per_second)
    yield Check(
        "speed_batch", gate.min_rows_per_second if passed else rate, gate.min_rows_per_second, passed,
        f"at least {gate.min_rows_per_second:,.0f} rows a CPU second are needed in a batch"
        + ("" if passed else f"; {_told(rate, ',.0f')} were measured"),
    )
    passed = at_least(-seconds, -gate.max_row_seconds) and seconds > 0
    yield Check(
        "speed_row", gate.max_row_seconds if passed else seconds, gate.max_row_seconds, passed,
        f"at most {gate.max_row_seconds:g} CPU s may a single row take"
        + ("" if passed else f"; {_told(seconds, '.3g')} CPU s were measured"),
    )


def slowdown(case: Case, gate: Gate) -> Iterator[Check]:
    """Only where there is a champion; its time was measured in turns with the candidate's."""
    if case.champion is None:
        return
    for name, ratio in (
        ("batch", case.speed.batch_slowdown if case.speed else None),
        ("row", case.speed.row_slowdown if case.speed else None),
    ):
        known = NAN if ratio is None else ratio
        passed = at_least(-known, -gate.max_slowdown)
        yield Check(
            f"speed_{name}_champion", gate.max_slowdown if passed else known, gate.max_slowdown, passed,
            f"at most {gate.max_slowdown:g} times as long as champion v{case.champion.champion} may a "
            f"{'batch' if name == 'batch' else 'single row'} take"
            + ("" if passed else f"; {_told(known, '.2f')} times were measured"),
        )


def _told(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "an unknown number"
