"""What benchmarks/floor.py does with the champions' files: encode, predict, explain, value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import xgboost

from pipelines.reasons.kernels import accumulate
from pipelines.reasons.phrases import PHRASES
from pipelines.reasons.tables import tables_of
from pipelines.reasons.trees import trees_of

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
CHUNK = 50_000  # rows at once, so that what is worked on stays small
MONTH_DAYS = 30


@dataclass(frozen=True)
class Model:
    """A champion as its bundle states it; `booster` is the classifier, or the hazard head of a lifetime value."""

    name: str
    version: int
    facts: Mapping[str, Any]
    booster: Any

    @property
    def columns(self) -> list[str]:
        return list(self.facts["columns"])


def champion(home: Path, name: str, as_of: date, threads: int) -> Model | None:
    """The version whose line is the last of those that begin by as_of."""
    log = home / "champions" / f"{name}.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    standing = [line for line in lines if line["from_as_of"] <= as_of.isoformat()]
    if not standing:
        return None
    folder = home / "models" / name / f"v{standing[-1]['version']}"
    booster = xgboost.Booster({"nthread": threads})
    booster.load_model(folder / ("hazard.ubj" if name == "ltv" else "model.ubj"))
    return Model(name, int(standing[-1]["version"]), json.loads((folder / "bundle.json").read_text()), booster)


def matrix_of(connection: Any, model: Model) -> Matrix:
    """The rows of `people` as the model's columns, float32, categories as their number, missing as NaN."""
    categories = model.facts["categories"]
    told = [
        f"coalesce(cast(list_position({categories[name]}, {name}) - 1 as float), 'nan')" if name in categories
        else f"coalesce(cast({name} as float), 'nan')" for name in model.columns
    ]
    (rows,), = connection.execute("select count(*) from people").fetchall()
    matrix = np.empty((rows, len(told)), dtype="float32")
    for start in range(0, len(told), 16):  # columns at a time: DuckDB's copy of all would be as large as the matrix
        part = connection.execute(f"select {', '.join(told[start:start + 16])} from people").fetchnumpy()
        for place, values in enumerate(part.values(), start):
            matrix[:, place] = values
    return matrix


def calibrated(margin: npt.ArrayLike, calibrator: Mapping[str, Any]) -> Floats:
    """Probability of log-odds: identity, Platt's, or straight lines between isotonic knots."""
    m = np.asarray(margin, dtype="float64")
    if calibrator["kind"] == "isotonic":
        return np.asarray(np.interp(m, calibrator["x"], calibrator["p"]))
    if calibrator["kind"] == "platt":
        m = calibrator["a"] * m + calibrator["b"]
    return np.asarray(np.exp(-np.logaddexp(0.0, -m)))


def in_parts(work: Callable[[slice], Any], rows: int, threads: int) -> list[Any]:
    """`work` of every chunk of rows, in threads."""
    cuts = [*range(0, rows, CHUNK), rows]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda cut: work(slice(*cut)), pairwise(cuts)))


def classified(model: Model, matrix: Matrix, threads: int) -> dict[str, npt.NDArray[Any]]:
    """probability, decile, and for each of three reasons the place of its theme (-1 for none), of the column that
    speaks for it, and its sign; rows as in the matrix, which are in the order of subscriber_id."""
    margin = model.booster.inplace_predict(matrix, predict_type="margin")
    probability = np.round(calibrated(margin, model.facts["calibrator"]), 6)
    decile = np.empty(len(matrix), dtype="int8")
    decile[np.argsort(-probability, kind="stable")] = np.arange(len(matrix)) * 10 // len(matrix) + 1
    forest, theme_of = tables_of(trees_of(model.booster)), _theme_places(model.columns)
    theme, speaker, sign = (np.empty((3, len(matrix)), dtype="int8") for _ in range(3))
    three = _three()

    def explain(part: slice) -> None:
        rows = matrix[part]
        contributed = np.empty(rows.shape, dtype="float32")
        accumulate(forest, rows, slice(0, len(rows)), contributed)
        three(contributed, theme_of, theme[:, part], speaker[:, part], sign[:, part])

    in_parts(explain, len(matrix), threads)
    found: dict[str, npt.NDArray[Any]] = {"probability": probability, "decile": decile}
    for rank in range(3):
        told = {"theme": theme, "speaker": speaker, "sign": sign}
        found |= {f"{name}_{rank + 1}": values[rank] for name, values in told.items()}
    return found


def themes(columns: list[str]) -> list[str]:
    """The themes of the columns, in the order of their first column."""
    return list(dict.fromkeys(PHRASES[name].theme for name in columns))


def _theme_places(columns: list[str]) -> npt.NDArray[np.int64]:
    place = {theme: number for number, theme in enumerate(themes(columns))}
    return np.array([place[PHRASES[name].theme] for name in columns])


@lru_cache(maxsize=1)
def _three() -> Callable[..., None]:
    compiled: Callable[..., None] = numba.njit(nogil=True)(_strongest)
    return compiled


def _strongest(contributed: Any, theme_of: Any, theme: Any, speaker: Any, sign: Any) -> None:
    """Plain Python for numba: the three themes with the largest |sum| of each row, and who speaks for each."""
    rows, columns = contributed.shape
    count = theme_of.max() + 1
    total = np.empty(count)
    most, least = np.empty(count), np.empty(count)
    up, down = np.empty(count, np.int64), np.empty(count, np.int64)
    for r in range(rows):
        total[:], most[:], least[:] = 0.0, -np.inf, np.inf
        for c in range(columns):
            t, value = theme_of[c], contributed[r, c]
            total[t] += value
            if value > most[t]:
                most[t], up[t] = value, c
            if value < least[t]:
                least[t], down[t] = value, c
        for rank in range(3):
            best = -1
            for t in range(count):
                if not np.isnan(total[t]) and (best < 0 or abs(total[t]) > abs(total[best])):
                    best = t
            weight = total[best]
            theme[rank, r] = best if weight != 0 else -1
            speaker[rank, r] = up[best] if weight > 0 else down[best]
            sign[rank, r] = 1 if weight > 0 else (-1 if weight < 0 else 0)
            total[best] = np.nan


def lifetime_values(model: Model, matrix: Matrix, first: Floats, threads: int) -> dict[str, npt.NDArray[Any]]:
    """Value with its interval, and survival and margin by month, of rows whose month one is `first`: rounded as they
    are published. What the numbers mean: pipelines/models/ltv.py."""
    terms = model.facts["ltv"]
    months = int(terms["months"])
    parts = in_parts(lambda part: _valued(model, matrix[part], first[part], months), len(matrix), threads)
    value, low, high, stay, margin = (np.concatenate(column) for column in zip(*parts, strict=True))
    return {"value": value, "low": low, "high": high, "stay": stay, "margin": margin}


def _valued(model: Model, rows: Matrix, first: Floats, months: int) -> tuple[Floats, ...]:
    terms, columns = model.facts["ltv"], {name: place for place, name in enumerate(model.columns)}
    stay, margin = _outlook(model, rows, first, months, columns)
    worth = (1.0 + terms["monthly_discount"]) ** -(np.arange(1, months + 1) - 0.5)
    value = np.sum((stay[:, :-1] + stay[:, 1:]) / 2 * margin * worth, axis=1)
    brings = margin * worth
    whole = np.cumsum(brings, axis=1)
    brings = np.hstack([whole - brings / 2, whole[:, -1:]])
    order = np.argsort(brings, axis=1, kind="stable")
    brings = np.take_along_axis(brings, order, axis=1)
    chance = np.hstack([-np.diff(stay, axis=1), stay[:, -1:]])
    below = np.cumsum(np.take_along_axis(chance, order, axis=1), axis=1)
    interval, ends = terms["interval"], []
    moves = _moves(model, rows, columns)
    for side, level in enumerate(((1 - interval["coverage"]) / 2, (1 + interval["coverage"]) / 2)):
        place = np.minimum((below < level - 1e-12).sum(axis=1), months)
        end = brings[np.arange(len(rows)), place]
        end = end + (1 if side else -1) * moves[:, side] * (np.abs(end) + months)
        ends.append(np.maximum(end, value) if side else np.minimum(end, value))
    return tuple(np.round(one, digits) for one, digits in (
        (value, 2), (ends[0], 2), (ends[1], 2), (stay[:, 1:], 6), (margin, 2)))


def _outlook(
    model: Model, rows: Matrix, first: Floats, months: int, columns: Mapping[str, int]
) -> tuple[Floats, Floats]:
    """Survival at the end of months 0..n and margin of months 1..n."""
    terms, money = model.facts["ltv"], model.facts["ltv"]["margin"]
    ahead = money["silence_days"] / MONTH_DAYS
    beyond = months + int(np.ceil(ahead))
    asked = np.empty((len(rows), rows.shape[1] + 1), dtype="float32")
    asked[:, :-1] = rows
    hazard = [first]
    for month in range(2, int(terms["hazard"]["longest"]) + 1):
        asked[:, -1] = month
        odds = model.booster.inplace_predict(asked, predict_type="margin")
        hazard.append(calibrated(odds, terms["hazard"]["calibrator"]))
    hazard += [hazard[-1]] * (beyond - len(hazard))
    stay = np.hstack([np.ones((len(rows), 1)), np.cumprod(1.0 - np.column_stack(hazard[:beyond]), axis=1)])
    middle = np.arange(months, dtype="float64") + 0.5
    there, paying = _between(stay, middle), _between(stay, middle + ahead)
    lost = 1 - np.divide(paying, there, out=np.ones_like(there), where=there > 0)
    price = rows[:, columns[money["price"]]].astype("float64")
    unpriced = np.isnan(price)
    slope = _linear(money, rows, columns, "trend", money["trend_weights"][1:]) + money["trend_weights"][0]
    steps = np.minimum(np.arange(1, months + 1), int(money["longest"])) + money["lead"] - 1
    gap = _linear(money, rows, columns, "features", money["weights"]) + money["intercept"]
    path = (gap + np.where(unpriced, 0.0, price))[:, None] + np.where(unpriced, 0.0, slope)[:, None] * steps
    margin = np.clip(path, money["lowest"], money["highest"])
    if money["prepaid"] is not None:
        name, code = money["prepaid"]
        quiet = np.where(rows[:, columns[name]] == code, np.nan_to_num(price), 0.0)
        margin = margin - quiet[:, None] * lost
    return stay[:, : months + 1], margin


def _between(stay: Floats, months: npt.NDArray[np.floating[Any]]) -> Floats:
    whole = np.floor(months).astype(int)
    part = months - whole
    return np.asarray(stay[:, whole] * (1 - part) + stay[:, np.minimum(whole + 1, stay.shape[1] - 1)] * part)


def _linear(
    money: Mapping[str, Any], rows: Matrix, columns: Mapping[str, int], names: str, weights: list[float]
) -> Floats:
    """The sum of weight x feature, one-hot for a category, standardised with a flag for a missing number."""
    total, place = np.zeros(len(rows)), 0
    for name in money[names]:
        values = rows[:, columns[name]]
        if name in money["categories"]:
            size = money["categories"][name]
            table = np.array([*weights[place:place + size], 0.0])
            total += table[np.where((values >= 0) & (values < size), values, size).astype(int)]
            place += size
        else:
            mean, spread = money["numbers"][name]
            missing = np.isnan(values)
            apart = (np.where(missing, mean, values.astype("float64")) - mean) / spread
            total += weights[place] * np.clip(apart, -10, 10) + weights[place + 1] * missing
            place += 2
    return total


def _moves(model: Model, rows: Matrix, columns: Mapping[str, int]) -> Floats:
    """How far the two ends of each row's interval move: by its group, or as everybody's."""
    interval = model.facts["ltv"]["interval"]
    ends, by = interval["ends"], interval["by"]
    groups = [*model.facts["categories"].get(by, []), "everybody"]
    table = np.array([ends.get(group, ends["everybody"]) for group in groups], dtype="float64")
    if by not in columns:
        return np.tile(table[-1], (len(rows), 1))
    code = rows[:, columns[by]]
    return np.asarray(table[np.where(np.isnan(code), len(groups) - 1, code).astype(int)])
