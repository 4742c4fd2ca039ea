"""Watching: what a night's data, scores and labels say of the champion, as one cause, one action and a picture."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import bundle as bundles
from pipelines import champions, cost
from pipelines.champions import Champion
from pipelines.errors import Held, NoChampion, TelcoError
from pipelines.models import spec_of
from pipelines.monitoring.measure import Family, Measure
from pipelines.monitoring.triage import THRESHOLDS, Action, Cause, Context, Triage, triage
from pipelines.progress import Report, silent
from pipelines.publish import Dataset, write_json
from pipelines.settings import settings

if TYPE_CHECKING:
    from pipelines.models.spec import ModelSpec

log = logging.getLogger(__name__)

EVENT_REASONS = 10
SAME_ALARM = timedelta(days=7)

__all__ = ["Action", "Cause", "DriftVerdict", "as_dict", "event", "held", "is_verdict", "monitor", "report_folder"]


@dataclass(frozen=True)
class DriftVerdict:
    """The verdict of one model and night, with the numbers it was made of."""

    model: str
    as_of: date
    version: int
    cause: Cause
    action: Action
    reasons: tuple[str, ...]
    columns: tuple[str, ...]
    cohorts: tuple[str, ...]
    measures: tuple[Measure, ...]
    reference_rows: int = 0
    current_rows: int = 0

    @property
    def is_all_clear(self) -> bool:
        """Whether nothing waits for a person: an unknown is not one, nor is a hold."""
        return self.cause is not Cause.UNKNOWN and self.action is not Action.HOLD


@cost.counted("monitor", lambda verdict: {"rows_in": verdict.current_rows})
def monitor(model: str, as_of: date, *, report: Report = silent) -> DriftVerdict:
    """Measure, judge, and write reports/drift/<model>/as_of=D/{report.html,verdict.json,measures.parquet} and the
    model's trend page. Safe to repeat.

    Compared with is the training sample of the version that scored the night, else of the champion in force. Raises
    NoChampion when no version is in force at as_of, Held when the night is not published, IntegrityError for a file
    that is not the recorded one. A comparison that crashes is told in the log and is a verdict of `unknown`.
    """
    from pipelines.monitoring import history, trend
    from pipelines.scoring.standing import scored_by

    spec = spec_of(model)
    champion = scored_by(model, as_of) or champions.in_force(model, as_of)
    if champion is None:
        raise NoChampion(f"monitor {model} {as_of}: no champion in force, so nothing to compare with; train one: "
                         f"telco train {model} --as-of DAY")
    measures = measure(champion, spec, as_of)
    context = context_of(champion, spec, as_of, measures)
    verdict = _verdict(champion, as_of, triage(measures, context), measures, context)
    write_json(report_folder(model, as_of) / "verdict.json", as_dict(verdict))
    history.keep(model, as_of, champion.version, measures)
    trend.write(model)
    _tell(verdict)
    log.info("monitored model=%s as_of=%s version=%d cause=%s action=%s", model, as_of, champion.version,
             verdict.cause, verdict.action)
    report(f"{model} at {as_of}: {verdict.cause}, {verdict.action}"
           + (f" ({verdict.reasons[0]})" if verdict.reasons else ""))
    return verdict


def measure(champion: Champion, spec: ModelSpec, as_of: date) -> list[Measure]:
    """Every measure of a night: its inputs, scores and leavers, matured performance, its estimate without labels."""
    from pipelines.monitoring import estimate, performance

    inputs = _measured_inputs(champion, as_of)
    return [*inputs, *performance.matured(champion, spec, as_of),
            *estimate.estimated(champion, spec, as_of, inputs)]


def context_of(champion: Champion, spec: ModelSpec, as_of: date, measures: Sequence[Measure]) -> Context:
    """The facts beside the measures: sizes, known changes, last year's same night, what drift asked for before."""
    from pipelines.monitoring import changes, performance, season
    from pipelines.monitoring.measure import Status

    moved = sorted({each.subject for each in measures
                    if each.family is Family.INPUT and each.status is Status.ALARM})
    near = verdicts_near(champion.model, as_of, max(THRESHOLDS.cool_down_days, THRESHOLDS.window_days))
    learned_until = performance.trained_as_of(champion) - spec.label_mart.known_after
    return Context(
        champion.model, as_of, *_rows(champion, as_of),
        changes=changes.known(as_of, learned_until),
        last_year=season.same_weeks(moved, as_of) if moved else {},
        asked=tuple(day for day, (_, action) in near.items() if action == Action.RETRAIN),
        sources=sources(as_of), before=_alarmed_before(champion.model, as_of),
        held=tuple(day for day, (cause, _) in near.items() if cause == Cause.BROKEN_FEED and day < as_of),
    )


def held(verdict: DriftVerdict) -> Held:
    """The error of a night that waits for a person, with the next step."""
    step = ("an unknown is no all-clear: mend the input, then the same command again" if verdict.cause is Cause.UNKNOWN
            else "mend the feed or the join, correct the drop, then the same command again; nothing is retrained")
    return Held(f"monitor {verdict.model} {verdict.as_of}: {verdict.cause}", verdict.reasons, step)


def is_verdict(held: Held) -> bool:
    """Whether a HOLD is what the watch found, and so has told of; a partition that is missing holds too, untold."""
    return held.subject.startswith("monitor ") and held.subject.endswith(f": {Cause.BROKEN_FEED}")


def event(verdict: DriftVerdict) -> dict[str, Any]:
    """What the event of a drift carries to the retrain it starts: JSON, the worst reasons first."""
    return {"cause": verdict.cause.value, "as_of": verdict.as_of.isoformat(), "version": verdict.version,
            "reasons": list(verdict.reasons[:EVENT_REASONS]), "columns": list(verdict.columns),
            "cohorts": list(verdict.cohorts)}


def sources(as_of: date) -> dict[str, str]:
    """The published table of each feature column of a night."""
    import pyarrow.parquet as pq

    found: dict[str, str] = {}
    for folder in sorted(settings().features.glob("ftr_*")):
        live = Dataset(folder, ("as_of",)).live({"as_of": as_of.isoformat()})
        if live.exists():
            found |= dict.fromkeys(pq.read_schema(live).names, folder.name)
    return found


def _alarmed_before(model: str, as_of: date) -> frozenset[str] | None:
    """The input columns in alarm on the newest night watched in the week before; None when none was."""
    for off in range(1, SAME_ALARM.days + 1):
        path = report_folder(model, as_of - timedelta(days=off)) / "verdict.json"
        if path.exists():
            return frozenset(each["subject"] for each in _json(path).get("measures", [])
                             if each["family"] == Family.INPUT and each["status"] == "alarm")
    return None


def verdicts_near(model: str, as_of: date, reach: int) -> dict[date, tuple[str, str]]:
    """Cause and action of the other nights at most so many days from this one."""
    found = {}
    for off in range(-reach, reach + 1):
        path = report_folder(model, as_of + timedelta(days=off)) / "verdict.json"
        if off and path.exists():
            told = _json(path)
            found[as_of + timedelta(days=off)] = (str(told.get("cause")), str(told.get("action")))
    return found


def report_folder(model: str, as_of: date) -> Path:
    return settings().reports / "drift" / model / f"as_of={as_of}"


def as_dict(verdict: DriftVerdict) -> dict[str, Any]:
    """For JSON: every measure with its status; a number that is not finite becomes null."""
    import math

    told = asdict(verdict)
    told["measures"] = [
        {**asdict(each), "status": each.status,
         "value": each.value if each.value is not None and math.isfinite(each.value) else None}
        for each in verdict.measures
    ]
    return told


def _measured_inputs(champion: Champion, as_of: date) -> list[Measure]:
    """What a person must mend is raised; a crash of the comparison is a measure without a value: never a pass."""
    from pipelines.monitoring.inputs import measure_inputs

    try:
        return measure_inputs(champion, as_of, report_folder(champion.model, as_of) / "report.html")
    except (TelcoError, OSError, MemoryError):
        raise
    except Exception as error:
        log.exception("monitor %s %s: the comparison crashed", champion.model, as_of)
        return [Measure(Family.INPUT, "comparison", "all columns", None, None,
                        f"the comparison crashed: {type(error).__name__}: {error}")]


def _tell(verdict: DriftVerdict) -> None:
    """One notice per model and cause: a night that goes on with what the week before had says nothing new."""
    from pipelines import notices

    if verdict.cause is Cause.QUIET:
        return
    nights = (report_folder(verdict.model, verdict.as_of - timedelta(days=off)) / "verdict.json"
              for off in range(1, SAME_ALARM.days + 1))
    if any(path.exists() and _json(path).get("cause") == verdict.cause for path in nights):
        return
    notices.once(f"watch.{verdict.model}.{verdict.cause}.{verdict.as_of}",
                 f"{verdict.model} {verdict.as_of}: {verdict.cause}, {verdict.action}: "
                 + "; ".join(verdict.reasons[:3]))


def _rows(champion: Champion, as_of: date) -> tuple[int, int]:
    """Rows of the training sample and of the night, by what is written beside the data."""
    import pyarrow.parquet as pq

    sample = bundles.path_of(champion.model, champion.version) / bundles.SAMPLE
    entries = [Dataset(folder, ("as_of",)).entry({"as_of": as_of.isoformat()})
               for folder in sorted(settings().features.glob("ftr_*"))]
    nights = [entry.rows for entry in entries if entry is not None]
    return int(pq.read_metadata(sample).num_rows) if sample.exists() else 0, min(nights, default=0)


def _verdict(
    champion: Champion, as_of: date, found: Triage, measures: Sequence[Measure], context: Context
) -> DriftVerdict:
    return DriftVerdict(champion.model, as_of, champion.version, found.cause, found.action, found.reasons,
                        found.columns, found.cohorts, tuple(measures), context.reference_rows, context.current_rows)


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
