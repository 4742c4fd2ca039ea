"""The only importer of Evidently: measures every column of two frames and writes the report a person reads.

Bounds are not Evidently's: what it calls drift in its report is nobody's verdict.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.monitoring.frames import plain
from pipelines.monitoring.measure import Family, Measure

if TYPE_CHECKING:
    import pandas as pd

PSI: Final = "psi"  # population stability index: Siddiqi, Credit Risk Scorecards, 2006, ch. 6
WASSERSTEIN: Final = "wasserstein"  # distance of order 1, in standard deviations of the reference
MISSING: Final = "missing"
NEW: Final = "new_categories"
DISTINCT: Final = 20  # Evidently takes a numeric column of at most this many values as categories
SHOWN: Final = 0.1  # the line of Evidently's own page; ours are calibrated

Scores = dict[tuple[str, str], float]  # (statistic, column) -> what Evidently says


def measure(
    reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str], report_path: Path | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
) -> list[Measure]:
    """PSI, Wasserstein (numbers), missing share and new categories of each column, in their order, without bounds.

    The scores are Evidently's, raw, out of one Report, whose HTML is written if given a path. A column that cannot be
    compared (missing on one side, constant) carries the reason instead of a score; one without a value on either side,
    as of a feed the operator does not have, is left out: it can neither drift nor reassure.
    """
    before, now = plain(reference[list(columns)]), plain(current[list(columns)])
    why_not = {name: reason for name in columns if (reason := obstacle(before[name], now[name]))}
    able = [name for name in columns if name not in why_not]
    scores = _scores(before[able], now[able], report_path)
    return _measures(before, now, columns, scores, why_not, categories or {})


def measure_quickly(
    reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str],
    categories: Mapping[str, Sequence[str]] | None = None,
) -> list[Measure]:
    """The same numbers by the same functions of Evidently, without its Report: drawing takes 70 % of its time.

    For the past weeks that bounds are calibrated on; what decides a night comes out of `measure`.
    """
    before, now = plain(reference[list(columns)]), plain(current[list(columns)])
    why_not = {name: reason for name in columns if (reason := obstacle(before[name], now[name]))}
    scores: Scores = {}
    for name in columns:
        if name not in why_not:
            left, right, is_number = _side(before[name], now[name])
            scores[PSI, name] = _statistic(PSI, left.dropna(), right.dropna(), is_number)
            if is_number:
                scores[WASSERSTEIN, name] = _statistic(WASSERSTEIN, left.dropna(), right.dropna(), is_number)
    return _measures(before, now, columns, scores, why_not, categories or {})


def obstacle(before: pd.Series, now: pd.Series) -> str:
    """Why two columns cannot be compared, or nothing."""
    known_before, known_now = before.dropna(), now.dropna()
    if known_before.empty or known_now.empty:
        where = "in training" if known_before.empty else "tonight"
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


def _measures(
    before: pd.DataFrame, now: pd.DataFrame, columns: Sequence[str], scores: Scores, why_not: Mapping[str, str],
    categories: Mapping[str, Sequence[str]],
) -> list[Measure]:
    found: list[Measure] = []
    for name in columns:
        left, right = before[name], now[name]
        if not left.notna().any() and not right.notna().any() and len(left) and len(right):
            continue
        statistics = (PSI, WASSERSTEIN) if left.dtype == right.dtype == "float64" else (PSI,)
        found += [Measure(Family.INPUT, one, name, scores.get((one, name)), detail=why_not.get(name, ""))
                  for one in statistics]
        shares = [float(side.isna().mean()) if len(side) else None for side in (left, right)]
        gap = None if shares[0] is None or shares[1] is None else shares[1] - shares[0]
        told = "no rows" if gap is None else f"{shares[0]:.0%} missing in training, {shares[1]:.0%} tonight"
        found.append(Measure(Family.INPUT, MISSING, name, gap, detail=told))
        if right.dtype == object and left.dtype == object and left.notna().any():
            found.append(_new_categories(left, right, name, categories.get(name)))
    return found


def _new_categories(left: pd.Series, right: pd.Series, name: str, known: Sequence[str] | None) -> Measure:
    """The share of tonight's rows whose value the training never saw; its commonest such values by name."""
    seen = set(known if known is not None else left.dropna())
    fresh = right[right.notna() & ~right.isin(seen)]
    names = ", ".join(map(str, fresh.value_counts().index[:3]))
    return Measure(Family.INPUT, NEW, name, len(fresh) / len(right) if len(right) else None,
                   detail=f"never seen in training: {names}" if names else "")


def _side(before: pd.Series, now: pd.Series) -> tuple[pd.Series, pd.Series, bool]:
    """Both columns as Evidently gets them, and whether they are numbers.

    A column that is text on one side only is compared as text: it has changed, and the score should say so.
    """
    if before.dtype == now.dtype == "float64":
        return within(before, before), within(now, before), True
    return _text(before), _text(now), False


def _scores(before: pd.DataFrame, now: pd.DataFrame, report_path: Path | None) -> Scores:
    if not len(before.columns):
        return {}
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    sides = {name: _side(before[name], now[name]) for name in before}
    past = pd.DataFrame({name: side[0] for name, side in sides.items()})
    present = pd.DataFrame({name: side[1] for name, side in sides.items()})
    numbers = [name for name, (_, _, is_number) in sides.items() if is_number]
    definition = DataDefinition(numerical_columns=numbers,
                                categorical_columns=[name for name in sides if name not in numbers])
    metrics = [*(ValueDrift(column=name, method=PSI, threshold=SHOWN) for name in sides),
               *(_distance()(column=name) for name in numbers)]
    # Evidently draws a column along the index, which must be numbers.
    run = Report(metrics).run(*(Dataset.from_pandas(side.reset_index(drop=True), data_definition=definition)
                                for side in (present, past)))
    if report_path is not None:
        report_path.parent.mkdir(parents=True, exist_ok=True)
        beside = report_path.with_name(f".{uuid.uuid4().hex}.html")
        run.save_html(str(beside))
        from pipelines.monitoring.defused import defuse

        defuse(beside)
        os.replace(beside, report_path)
    return {(str(one["config"].get("method") or WASSERSTEIN), one["config"]["column"]): float(one["value"])
            for one in run.dict()["metrics"]}


@lru_cache(maxsize=1)
def _distance() -> Any:
    """Evidently's Wasserstein distance as a metric that says a number: ValueDrift would draw each column once more."""
    from evidently.core.metric_types import SingleValueCalculation, SingleValueMetric
    from evidently.metrics.column_statistics import ColumnMetric

    class WassersteinDistance(ColumnMetric, SingleValueMetric):  # type: ignore[misc]
        """Normed Wasserstein distance of a column's present from its past."""

    class WassersteinCalculation(SingleValueCalculation[WassersteinDistance]):  # type: ignore[misc]
        def calculate(self, context: Any, current_data: Any, reference_data: Any) -> Any:
            sides = [side.column(self.metric.column).data.dropna() for side in (reference_data, current_data)]
            return self.result(_statistic(WASSERSTEIN, sides[0], sides[1], True))

        def display_name(self) -> str:
            return f"Wasserstein distance of {self.metric.column}, in standard deviations of the reference"

    return WassersteinDistance


def _statistic(name: str, before: pd.Series, now: pd.Series, is_number: bool) -> float:
    from evidently.legacy.calculations.stattests import psi_stat_test, wasserstein_stat_test
    from evidently.legacy.core import ColumnType

    test = psi_stat_test if name == PSI else wasserstein_stat_test
    kind = ColumnType.Numerical if is_number else ColumnType.Categorical
    return float(test.func(before, now, kind, SHOWN)[0])


def _text(column: pd.Series) -> pd.Series:
    return column.map(str, na_action="ignore").astype(object)
