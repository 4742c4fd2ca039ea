"""The measures of a night's inputs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pipelines.champions import Champion
from pipelines.monitoring.measure import Measure


def measure_inputs(champion: Champion, as_of: date, report_path: Path | None) -> list[Measure]:
    from pipelines.monitoring import comparison, frames

    columns, reference = frames.reference(champion)
    return comparison.measure(reference, frames.tonight(columns, as_of), columns, report_path)
