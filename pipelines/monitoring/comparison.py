"""The only importer of Evidently: measures every column of two frames and writes the report a person reads."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.monitoring.decision import THRESHOLDS, Measurement

if TYPE_CHECKING:
    import pandas as pd

METHOD = "psi"
DISTINCT = 20  # Evidently takes a numeric column of at most this many values as categories


def measure(
    reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str], report_path: Path | None = None
) -> list[Measurement]:
    """One measurement per column, in their order; the scores are Evidently's, raw. Writes the HTML if given a path.

    A column that cannot be compared (empty, all missing, constant) carries the reason instead of a score.
    """
    before = {name: plain(reference[name]) for name in columns}
    now = {name: plain(current[name]) for name in columns}
    why_not = {name: reason for name in columns if (reason := obstacle(before[name], now[name]))}
    able = [name for name in columns if name not in why_not]
    scores = _scores({name: before[name] for name in able}, {name: now[name] for name in able}, report_path)
    return [
        Measurement(
            column=name, reference_missing=_missing(before[name]), current_missing=_missing(now[name]),
            psi=scores.get(name), why_not=why_not.get(name, ""),
        )
        for name in columns
    ]


def plain(column: pd.Series) -> pd.Series:
    """float64 for numbers, text with None for everything else, flags included; infinities count as missing."""
    import numpy as np
    import pandas as pd

    filled = column.astype(object).where(column.notna(), None)
    kind = pd.api.types.infer_dtype(filled, skipna=True)
    if kind in {"integer", "floating", "mixed-integer-float", "decimal", "empty"}:
        return filled.astype("float64").replace([np.inf, -np.inf], np.nan)
    return filled.map(lambda value: None if value is None else str(value)).astype(object)


def obstacle(before: pd.Series, now: pd.Series) -> str:
    """Why two columns cannot be compared, or nothing."""
    known_before, known_now = before.dropna(), now.dropna()
    if known_before.empty or known_now.empty:
        where = "training" if known_before.empty else "tonight"
        return f"no value {where}" if not (known_before.empty and known_now.empty) else "no value at all"
    if known_before.nunique() == 1 and known_now.nunique() == 1 and known_before.iloc[0] == known_now.iloc[0]:
        return f"constant ({known_before.iloc[0]}) in both"
    return ""


def within(column: pd.Series, reference: pd.Series) -> pd.Series:
    """Numbers cut to the 1st..99th percentile of the reference.

    Evidently bins between the extremes of both samples: one absurd value would put all others in one bin and hide
    every change. Cut, it is one row of the last bin, and a whole column in other units is all of it.
    """
    if column.dtype != "float64" or reference.nunique() <= DISTINCT:
        return column
    low, high = float(reference.quantile(0.01)), float(reference.quantile(0.99))
    return column.clip(low, high) if low < high else column


def _scores(before: dict[str, pd.Series], now: dict[str, pd.Series], report_path: Path | None) -> dict[str, float]:
    if not before:
        return {}
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    numbers = [name for name, column in before.items() if column.dtype == now[name].dtype == "float64"]
    # A column that is text on one side only is compared as text: it has changed, and the score should say so.
    texts = [name for name in before if name not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)

    def dataset(side: dict[str, pd.Series]) -> Any:
        frame = pd.DataFrame({name: within(side[name], before[name]) if name in numbers else _text(side[name])
                              for name in before})
        return Dataset.from_pandas(frame, data_definition=definition)

    metrics = [ValueDrift(column=name, method=METHOD, threshold=THRESHOLDS.psi) for name in before]
    run = Report(metrics).run(dataset(now), dataset(before))
    if report_path is not None:
        report_path.parent.mkdir(parents=True, exist_ok=True)
        beside = report_path.with_name(f".{uuid.uuid4().hex}.html")
        run.save_html(str(beside))
        from pipelines.monitoring.defused import defuse

        defuse(beside)
        os.replace(beside, report_path)
    return {one["config"]["column"]: float(one["value"]) for one in run.dict()["metrics"]}


def _text(column: pd.Series) -> pd.Series:
    return column.map(str, na_action="ignore").astype(object)


def _missing(column: pd.Series) -> float:
    return float(column.isna().mean()) if len(column) else 1.0
