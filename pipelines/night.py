"""The order of a night and of a bootstrap, for shells and tests; Airflow runs the same steps as DAGs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines import cost
from pipelines.clock import DAY, days
from pipelines.errors import NoChampion, UsageError
from pipelines.estate import estate
from pipelines.progress import Report, silent

if TYPE_CHECKING:
    from pipelines.monitoring import DriftVerdict

log = logging.getLogger(__name__)

GRID_DAYS = 7  # training cut-offs lie a week apart: retraining is weekly, and labels overlap by three quarters


@dataclass
class Night:
    """What one as_of did, step by step. `skipped` names models without a champion in force, with the reason."""

    as_of: date
    landed: list[Any] = field(default_factory=list)
    published: list[Any] = field(default_factory=list)
    materialized: bool = False
    scored: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    extract: str | None = None
    monitored: dict[str, DriftVerdict] = field(default_factory=dict)


def grid(first: date, last: date) -> list[date]:
    """The training cut-offs of the estate's weekly grid that lie in [first, last]."""
    anchor = estate().training_start
    return [day for day in days(anchor, last + DAY) if day >= first and (day - anchor).days % GRID_DAYS == 0]


def night(as_of: date, *, report: Report = silent) -> Night:
    """Every step of one as_of: land, unify, materialise, score, extract, monitor. Safe to repeat.

    Raises Held when a check stops a step; what earlier steps published stands. The front page is written either way.
    """
    from pipelines import site

    with site.refreshed():
        return _steps(as_of, report)


def _steps(as_of: date, report: Report) -> Night:
    from pipelines import features, landing, monitoring, warehouse
    from pipelines.models import SPECS

    outcome = Night(as_of)
    report(f"land: drops of {as_of - DAY}")
    outcome.landed = landing.land(as_of, report=report)
    report("unify: dbt build, then publish")
    outcome.published = warehouse.unify([as_of], report=report)
    report("materialize: online store")
    outcome.materialized = features.materialize(as_of, report=report)
    score_all(outcome, report)
    end_shadows(as_of, report)
    for model in outcome.scored:
        report(f"monitor: {model} against its training sample")
        outcome.monitored[model] = monitoring.monitor(model, as_of, report=report)
    if not SPECS:
        raise UsageError("no model specs: pipelines.models.SPECS is empty")
    return outcome


def score_all(outcome: Night, report: Report = silent) -> None:
    """Score every spec in the order of SPECS (a formula model reads the scores before it), then close.

    Closing writes the extract and pushes the scores online, unless the online store holds a later night.
    """
    from pipelines import scoring

    _score_models(outcome, report)
    if outcome.scored:
        outcome.extract = str(scoring.extract(outcome.as_of))
        scoring.push(outcome.as_of, report=report)


def _score_models(outcome: Night, report: Report) -> None:
    from pipelines import scoring
    from pipelines.models import SPECS

    reading = scoring.Reading(outcome.as_of)
    for model in SPECS:
        try:
            report(f"score: {model}")
            outcome.scored[model] = scoring.score(model, outcome.as_of, reading=reading, report=report)
        except NoChampion as reason:
            outcome.skipped[model] = str(reason)
            report(f"score: {model} skipped: {reason}")


def end_shadows(as_of: date, report: Report = silent) -> None:
    """What the promote DAG does, for the models that have a version in shadow; a registry that is away waits."""
    from pipelines import promotion
    from pipelines.errors import RegistryAway
    from pipelines.models import SPECS
    from pipelines.promotion import shadow

    for model in SPECS:
        if shadow.standing(model) is not None:
            try:
                promotion.promote(model, as_of, report=report)
            except RegistryAway as away:
                report(f"promote: {model} waits: {away}")


def bootstrap(
    first: date, last: date, *, initial: bool = False, every_day: bool = False, report: Report = silent
) -> list[Any]:
    """Load history in bulk: land every drop up to `last - 1`, then publish features and labels in one build.

    Published are the weekly training cut-offs in [first, last] and `last` itself; with `every_day` all as_ofs of
    the range. The bytes are those a night for each as_of would publish. `initial` accepts day-zero dumps.
    """
    land_history(last, initial=initial, report=report)
    return build_history(first, last, every_day=every_day, report=report)


@cost.counted("land_history")
def land_history(last: date, *, initial: bool = False, report: Report = silent) -> list[Any]:
    """Land every drop from the start of history to `last - 1`; what has landed already is a no-op."""
    from pipelines import landing

    start = estate().history_start
    if last <= start:
        raise UsageError(f"bootstrap --to {last}: history starts on {start}; give a later day")
    report(f"land: drops of {start} to {last - DAY}")
    landed: list[Any] = landing.land_range(start, last - DAY, initial=initial, report=report)
    return landed


@cost.counted("build_history")
def build_history(first: date, last: date, *, every_day: bool = False, report: Report = silent) -> list[Any]:
    """Build and publish features and labels of the range in one dbt build, then bring the online store to `last`."""
    from pipelines import features, warehouse

    if first > last:
        raise UsageError(f"bootstrap --from {first} --to {last}: the range is empty; give --from before --to")
    as_ofs = list(days(max(first, estate().history_start + DAY), last + DAY)) if every_day else grid(first, last)
    wanted = sorted({*as_ofs, last})
    report(f"unify: {len(wanted)} as_ofs in one build, {wanted[0]} to {wanted[-1]}")
    published: list[Any] = warehouse.unify(wanted, nights=wanted if every_day else [last], report=report)
    report(f"materialize: online store at {last}")
    features.materialize(last, report=report)
    return published
