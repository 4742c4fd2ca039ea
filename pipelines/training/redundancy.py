"""Features that are arithmetic on two others: `total = tenure x charge` and its kind.

Such a column is no leak by itself. It becomes one when it went on counting after the cut-off: then what it has beyond
the product tells who stayed and who left, while the column alone, whose scale is the tenure's, looks innocent. So what
is left of it is judged as a feature of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from pipelines.training.folds import Array, Floats
from pipelines.training.recipe import Rows

EXPLAINED: Final = 0.999  # R2: IBM's total charges by tenure x monthly charge have .9991
_SCREENED: Final = 0.98   # R2 on the few rows that choose which triples are measured
_FEW, _MANY = 1_000, 20_000
_LEAST: Final = 100       # rows in which all three are known


@dataclass(frozen=True)
class Derived:
    """`feature` is `of[0] how of[1]` times a constant plus another, with so much of its variance explained."""

    feature: str
    how: str  # x or /
    of: tuple[str, str]
    r2: float

    @property
    def told(self) -> str:
        return f"{self.of[0]} {self.how} {self.of[1]}"


def derived(rows: Rows, categorical: Collection[str], *, seed: int) -> tuple[Derived, ...]:
    """The best explained triple of each feature that is nearly a product or ratio of two others, and of neither alone.

    Pairs are screened on 1,000 rows and measured on 20,000, drawn by seed. Of `a = b x c`, `b = a / c` and `c = a / b`
    only the product is named; a ratio is named where no product of the same three is.
    """
    numbers = [place for place, name in enumerate(rows.columns) if name not in categorical]
    drawn = np.random.default_rng(seed).permutation(len(rows.label))
    few, many = (rows.matrix[np.sort(drawn[:size])][:, numbers].astype(np.float64) for size in (_FEW, _MANY))
    names = [rows.columns[place] for place in numbers]
    found: dict[str, Derived] = {}
    for left, right, how, feature in _screened(few):
        values = _combined(many[:, left], many[:, right], how)
        r2 = _r2(values, many[:, feature])
        alone = max(_r2(many[:, left], many[:, feature]), _r2(many[:, right], many[:, feature]))
        name = names[feature]
        if r2 > EXPLAINED >= alone and (name not in found or r2 > found[name].r2):
            found[name] = Derived(name, how, (names[left], names[right]), r2)
    products = {frozenset((one.feature, *one.of)) for one in found.values() if one.how == "x"}
    kept = (one for one in found.values() if one.how == "x" or frozenset((one.feature, *one.of)) not in products)
    return tuple(sorted(kept, key=lambda one: one.feature))


def beyond(rows: Rows, found: Derived) -> Floats:
    """What the feature has beyond its product, relative to it, (n,): NaN where one of the three is missing."""
    left, right, own = (rows.matrix[:, rows.columns.index(name)].astype(np.float64)
                        for name in (*found.of, found.feature))
    values = _combined(left, right, found.how)
    known = np.isfinite(values) & np.isfinite(own)
    slope, base = np.polyfit(values[known], own[known], 1)
    return np.where(known, own - (slope * values + base), np.nan)


def _screened(few: Floats) -> Iterator[tuple[int, int, str, int]]:
    """(left, right, how, feature) whose R2 on these rows is above _SCREENED; all features at once for a pair."""
    known = np.isfinite(few)
    filled = np.where(known, few, 0.0)
    varies = [place for place in range(few.shape[1]) if len(np.unique(few[known[:, place], place])) > 2]
    for left, right in combinations(varies, 2):
        for first, second, how in ((left, right, "x"), (left, right, "/"), (right, left, "/")):
            values = _combined(few[:, first], few[:, second], how)
            r2 = _r2_of_all(values, filled, known)
            for feature in np.flatnonzero(r2 > _SCREENED):
                if feature not in (left, right):
                    yield first, second, how, int(feature)


def _combined(left: Floats, right: Floats, how: str) -> Floats:
    if how == "x":
        return left * right
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(right == 0, np.nan, left / right)


def _r2(values: Floats, own: Floats) -> float:
    return float(_r2_of_all(values, np.where(np.isfinite(own), own, 0.0)[:, None], np.isfinite(own)[:, None])[0])


def _r2_of_all(values: Floats, filled: Floats, known: Array) -> Floats:
    """Squared correlation of (n,) values with each column, where both are known; 0 where either hardly varies."""
    mine = np.isfinite(values)
    both, x = known[mine].astype(np.float64), values[mine]
    y = filled[mine]
    count = both.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x, mean_y = x @ both / count, y.sum(axis=0) / count
        spread_x, spread_y = (x * x) @ both / count - mean_x**2, (y * y).sum(axis=0) / count - mean_y**2
        shared = x @ y / count - mean_x * mean_y
        enough = (count >= _LEAST) & (spread_x > 1e-9 * (1 + mean_x**2)) & (spread_y > 1e-9 * (1 + mean_y**2))
        return np.where(enough, shared**2 / (spread_x * spread_y), 0.0)
