"""Entering the champion log: the pair first, then the model, then the registry's aliases, which only follow.

Each step is safe to repeat and found done by what it left, so a kill between any two of them is healed by the next
run: the champion log is written once per change, and aliases are compared with it every night.
"""

from __future__ import annotations

import logging
from datetime import date

from pipelines import bundle as bundles
from pipelines import champions, pairing, tracking
from pipelines.champions import Champion
from pipelines.clock import DAY, parse_day
from pipelines.models import spec_of
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report, silent
from pipelines.publish import Dataset
from pipelines.settings import settings

log = logging.getLogger(__name__)

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous"


def first_unscored(model: str, otherwise: date) -> date:
    """The day after the newest published night of this model, whichever version scored it."""
    nights = [parse_day(key[0]) for key in Dataset(settings().scores / model, ("as_of", "version")).entries()]
    return max(nights) + DAY if nights else otherwise


def follow(model: str, report: Report = silent) -> None:
    """Make the registry's aliases say what the champion log says. Nothing is decided by them, so nothing is asked."""
    name, line = spec_of(model).registered_name, champions.succession(model)
    if not line:
        return
    wanted = {CHAMPION: line[-1].version, **({PREVIOUS: line[-2].version} if len(line) > 1 else {})}
    for told in tracking.reconcile(name, wanted):
        report(told)
    if PREVIOUS not in wanted:
        tracking.drop_alias(name, PREVIOUS)  # a rollback to the first
    challenger = tracking.version_by_alias(name, CHALLENGER)
    if challenger is not None and challenger.version == line[-1].version:
        tracking.drop_alias(name, CHALLENGER)


def enter(
    spec: ModelSpec, challenger: bundles.Bundle, start: date, as_of: date, *, reason: str, by: str, report: Report
) -> Champion | str:
    """Put a version in force from `start`, with every value that stands on it. Why one of them cannot come, else."""
    obstacle = _move_with(spec, challenger, as_of, start, report)
    if obstacle:
        return obstacle
    entered = champions.enter(spec.name, challenger.version, start, challenger.sha256, reason=reason, by=by)
    report(f"{spec.name}: v{entered.version} is champion from {entered.from_as_of}")
    follow(spec.name, report)
    return entered


def _move_with(spec: ModelSpec, challenger: bundles.Bundle, as_of: date, start: date, report: Report) -> str:
    """Bring every value that stands on this model along, before the model itself is entered: a kill between the two is
    healed by the retry. Why one of them cannot come, or nothing."""
    pairs = pairing.measured(spec, challenger, as_of)
    for other, last, check in pairs:
        if not check.passed:
            who = f"{spec.name}: with challenger v{challenger.version} and {other.name} v{last.version}"
            return f"{who}, {check.sentence}"
    for other, last, check in pairs:
        if not pairing.stands_on(last, challenger):  # else it moved before a kill
            moved = pairing.move(other, last, challenger, check, max(start, first_unscored(other.name, start)))
            report(f"{other.name}: v{moved.version}, the heads of v{last.version}, is champion from {moved.from_as_of}")
        follow(other.name, report)
    return ""
