"""Watching: tonight's inputs against the champion's training sample, with a verdict that decides."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import champions
from pipelines.errors import NoChampion
from pipelines.models import spec_of
from pipelines.monitoring.decision import DriftVerdict, Measurement, decide
from pipelines.monitoring.measure import Measure
from pipelines.progress import Report, silent
from pipelines.publish import write_json
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

__all__ = ["DriftVerdict", "monitor", "report_folder"]


def monitor(model: str, as_of: date, *, report: Report = silent) -> DriftVerdict:
    """Compare, decide, and write reports/drift/<model>/as_of=D/{report.html,verdict.json}. Safe to repeat.

    Compared with is the training sample of the version that scored the night, else of the champion in force. Raises
    NoChampion when no version is in force at as_of: there is no training sample then.
    """
    from pipelines.monitoring import comparison, frames
    from pipelines.scoring.standing import scored_by

    spec_of(model)
    champion = scored_by(model, as_of) or champions.in_force(model, as_of)
    if champion is None:
        raise NoChampion(f"monitor {model} {as_of}: no champion in force, so nothing to compare with")
    columns, reference = frames.reference(champion)
    current = frames.tonight(columns, as_of)
    folder = report_folder(model, as_of)
    measures = comparison.measure(reference, current, columns, folder / "report.html")
    verdict = decide(model, as_of, _as_measurements(measures, reference, current), version=champion.version,
                     reference_rows=len(reference), current_rows=len(current))
    write_json(folder / "verdict.json", asdict(verdict))
    log.info("monitored model=%s as_of=%s version=%d status=%s", model, as_of, champion.version, verdict.status)
    report(f"{model} at {as_of}: {verdict.status}" + (f" ({verdict.reasons[0]})" if verdict.reasons else ""))
    return verdict


def _as_measurements(measures: list[Measure], reference: pd.DataFrame, current: pd.DataFrame) -> list[Measurement]:
    """What `decide` takes, of what was measured."""
    psi = {one.subject: one for one in measures if one.name == "psi"}
    return [Measurement(name, float(reference[name].isna().mean()) if len(reference) else 1.0,
                        float(current[name].isna().mean()) if len(current) else 1.0, one.value, one.detail)
            for name, one in psi.items()]


def report_folder(model: str, as_of: date) -> Path:
    return settings().reports / "drift" / model / f"as_of={as_of}"
