"""What a lifetime value is judged by: matured margins, rivals on the same rows, the interval, coherence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines import bundle as bundles
from pipelines import valuation
from pipelines.gate import Evaluation, metrics, money
from pipelines.gate.bootstrap import paired_bounds
from pipelines.models import ltv
from pipelines.models.spec import ModelSpec
from pipelines.training import leakage, recipe
from pipelines.training.folds import Array, Floats
from pipelines.training.value import coherence, periods, rivals
from pipelines.training.value.heads import Heads
from pipelines.training.value.periods import History
from pipelines.valuation import Outlook

LEAKAGE_ROWS = 50_000
GROUP_ROWS = 500  # a tenth of them lies beyond either end
QUARTER_DAYS = 91  # 13 weeks: the cut-off of the grid at which the next 90 days begin
QUARTERS = (2, 3, 4)


def conformal(
    outlook: Outlook, realised: Floats, coverage: float, fold: Array, group: Array
) -> tuple[dict[str, list[float]], Floats, Floats]:
    """The interval's corrections (low, high) by group, and the ends that each fold gets from the other folds' rows.

    Conformalised quantile regression (Romano, Patterson and Candès 2019), both ends by themselves and in units of
    `Outlook.scale`: an end moves by the (1 + coverage) / 2 (1 + 1/n) quantile of how far outcomes lay beyond it. By
    group (Mondrian; Vovk, Gammerman and Shafer 2005), so that a small one is covered too; one under GROUP_ROWS takes
    everybody's.
    """
    low, high = outlook.quantiles(0.0, coverage)
    beyond = np.column_stack([(low - realised) / outlook.scale(low), (realised - high) / outlook.scale(high)])
    level = (1 + coverage) / 2

    def corrections(part: Array) -> dict[str, list[float]]:
        found = {valuation.EVERYBODY: _upper(beyond[part], level)}
        for name in np.unique(group[part]):
            mine = part & (group == name)
            if int(mine.sum()) >= GROUP_ROWS:
                found[str(name)] = _upper(beyond[mine], level)
        return found

    def applied(ends: dict[str, list[float]], part: Array) -> Floats:
        moved = np.array([ends.get(str(name), ends[valuation.EVERYBODY]) for name in group[part]])
        return np.column_stack(outlook.rows(part).band(0.0, coverage, moved))

    banded = np.empty((len(realised), 2))
    for number in np.unique(fold):
        mine = fold == number
        banded[mine] = applied(corrections(~mine if (~mine).any() else mine), mine)
    return corrections(np.ones(len(realised), dtype=bool)), banded[:, 0], banded[:, 1]


def _upper(beyond: Floats, level: float) -> list[float]:
    share = min(level * (1 + 1 / len(beyond)), 1.0)
    return [float(f"{one:.9g}") for one in np.quantile(beyond, share, axis=0, method="higher")]


def horizons(history: History, rows: Array, realised: Floats, outlook: Outlook) -> dict[str, float]:
    """Total bias and rank order over 6, 9 and 12 months, where so many quarters have matured one after another.

    A quarter's label counts the margin of who is there when it begins; who has left by then brings no more.
    """
    label = np.full(len(history.frame), np.nan)
    label[rows] = realised
    where = {int(day): number for number, day in enumerate(history.days)}
    known = {number for number in range(len(history.days)) if np.isfinite(label[_there(history, number)]).any()}
    person, cutoff = _standing(history, rows)
    found: dict[str, float] = {}
    for quarters in QUARTERS:
        steps = [QUARTER_DAYS * quarter for quarter in range(quarters)]
        starts = np.array([all(where.get(int(day) + step, -1) in known for step in steps) for day in history.days])
        mine = starts[cutoff]
        if not mine.any() or outlook.months < 3 * quarters:
            continue
        total = np.zeros(int(mine.sum()))
        for step in steps:
            later = np.array([where[int(day) + step] for day in history.days[cutoff[mine]]])
            row = history.place[later, person[mine]]
            total += np.where(row >= 0, np.nan_to_num(label[row]), 0.0)
        told = metrics.money(total, outlook.rows(mine).first(3 * quarters).value(0.0))
        found |= {f"{name}_{90 * quarters}d": told[name] for name in ("total_bias", "spearman", "mae")}
    return found


def _prepaid(spec: ModelSpec, history: History, rows: Array, realised: Floats, predicted: Floats) -> dict[str, float]:
    """Total bias and rank order among who has no contract, whom the prepaid rule is for; nothing where few are."""
    name, value = spec.parameters["prepaid"]
    if name not in history.frame.columns:
        return {}
    mine = (history.frame[name].iloc[rows] == value).to_numpy()
    told = metrics.money(realised[mine], predicted[mine])
    found = {f"{which}_prepaid": told[which] for which in ("total_bias", "spearman")}
    return found if mine.sum() >= GROUP_ROWS and np.isfinite(list(found.values())).all() else {}


def _there(history: History, number: int) -> Array:
    place = history.place[number]
    return np.asarray(place[place >= 0])


def _standing(history: History, rows: Array) -> tuple[Array, Array]:
    """Column and row in `History.place` of frame rows."""
    person, cutoff = np.empty(len(history.frame), dtype=np.int64), np.empty(len(history.frame), dtype=np.int64)
    number, column = np.nonzero(history.place >= 0)
    person[history.place[number, column]], cutoff[history.place[number, column]] = column, number
    return person[rows], cutoff[rows]


def told_together(spec: ModelSpec, made: Heads, history: History, churn: bundles.Bundle) -> float:
    """The incoherent share between the two newest cut-offs a step apart, by heads that did not see the subscriber."""
    sides = []
    for rows in coherence.newest_pair(history):
        first = np.asarray(churn.predict(history.frame.iloc[rows]), dtype=np.float64) if len(rows) else np.empty(0)
        sides.append((first, made.outlook(rows, first, int(spec.parameters["months"]))))
    return coherence.share(sides[0], sides[1], float(spec.parameters["monthly_discount"]))


def alone(spec: ModelSpec, made: Heads, history: History, categories: Any) -> dict[str, float]:
    """AUC of each feature alone about leaving in month two: what the hazard head could be told by a leak."""
    pairs = periods.person_periods(history, [2], most=LEAKAGE_ROWS, seed=spec.seed)
    subscriber = history.frame["subscriber_id"].to_numpy(dtype=object)[pairs.origin]
    rows = recipe.Rows(made.matrix[pairs.origin], history.left[pairs.outcome], subscriber, made.columns)
    return leakage.alone(rows, categories, seed=spec.seed)


def evaluation(
    spec: ModelSpec, made: Heads, history: History, rows: Array, outlook: Outlook, realised: Floats, first: Floats,
    categories: Any, churn: bundles.Bundle,
) -> tuple[Evaluation, dict[str, Any]]:
    """The evidence over the label's horizon, and the interval's corrections. Arrays are of the judged rows."""
    months = round(spec.horizon_days / ltv.MONTH_DAYS)
    near = outlook.first(months)
    predicted = near.value(0.0)
    coverage, by = float(spec.parameters["coverage"]), str(spec.parameters["interval_by"])
    group = np.array(valuation.groups(by, history.frame.iloc[rows]))
    ends, low, high = conformal(near, realised, coverage, made.fold[rows], group)
    simple = rivals.of(history, rows, first, spec.parameters["margin_column"], months)
    figures = {
        **money.figures(realised, predicted), **money.interval(realised, low, high),
        "incoherent_share": told_together(spec, made, history, churn),
        **horizons(history, rows, realised, outlook), **_prepaid(spec, history, rows, realised, predicted),
    }
    person, _ = _standing(history, rows)
    gains = _lost(spec, realised, predicted, simple, person)
    told = {name: {**money.figures(realised[seen], values[seen]), "rmse_lost_at_least": gains[name]}
            for name, values in simple.items() for seen in [np.isfinite(values)]}
    figures["gain_over_rivals"] = min(gains.values())
    days = history.day_of(rows)
    return Evaluation(
        design="by_subscriber", rows=len(rows), positives=0, metrics=figures, baselines=told,
        reliability=tuple(money.deciles(realised, predicted)),
        slices={"judged": {"cutoffs": _dates(days), "rows": len(rows), "positives": 0}},
        notes=_notes(spec, made, history, rows, churn, days), alone=alone(spec, made, history, categories),
        intervals=money.intervals(realised, predicted, low, high, person, rounds=spec.split.interval_rounds,
                                  seed=spec.seed),
    ), {"coverage": coverage, "by": by, "ends": ends}


def _lost(
    spec: ModelSpec, realised: Floats, predicted: Floats, simple: Mapping[str, Floats], person: Array
) -> dict[str, float]:
    """By rival the RMSE that it loses to `predicted` at least, on the rows it has a value for. Those of the same rows
    are compared on the same resamples, drawn once."""
    alike: dict[bytes, list[str]] = {}
    for name, values in simple.items():
        alike.setdefault(np.isfinite(values).tobytes(), []).append(name)
    found: dict[str, float] = {}
    for names in alike.values():
        seen = np.isfinite(simple[names[0]])
        found |= paired_bounds(
            "rmse", realised[seen], predicted[seen], {name: simple[name][seen] for name in names}, person[seen],
            rounds=spec.gate.bootstrap_rounds, confidence=spec.gate.confidence, seed=spec.seed,
        )
    return found


def _dates(days: Array) -> list[str]:
    return [str(np.datetime64(int(day), "D")) for day in np.unique(days)]


def _notes(
    spec: ModelSpec, made: Heads, history: History, rows: Array, churn: bundles.Bundle, days: Array
) -> tuple[str, ...]:
    seen = sorted(set(churn.facts["cutoffs"]) & set(_dates(days)))
    return (
        f"{spec.horizon_days} days, undiscounted, against the margin that came; every row by heads that saw none of "
        "that subscriber's rows",
        f"heads: {made.rows['hazard']} person-periods of months 2 to {made.hazard_terms['longest']}, "
        f"{made.rows['margin']} margins of months 1 to {made.margin_terms['longest']}; later months hold the last",
        f"churn v{churn.version}, month one, was fitted on {len(seen)} of these {len(np.unique(days))} cut-offs: "
        "not unseen by it",
        "rows without a known margin are left out, never taken as zero",
    )
