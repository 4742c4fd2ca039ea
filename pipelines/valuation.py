"""What a lifetime-value version says of subscribers: survival and margin month by month, the value, its interval.

Training, judgement and scoring all come through here, so what was judged is what is published. The arithmetic and its
sources are in `pipelines.models.ltv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from pipelines import bundle as bundles
from pipelines.errors import Held
from pipelines.models import ltv

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

HAZARD: Final = "hazard.ubj"
MONTH: Final = "month"  # the column the hazard head has beyond the feature service's
EVERYBODY: Final = "everybody"
CHUNK: Final = 100_000  # rows whose encoded features are held at once: 31 MB of float32 for 77 columns
UNIT_EUR: Final = 1.0  # a month in the interval's scale at the least, so that a margin of nothing has a width


@dataclass(frozen=True)
class Outlook:
    """One row per subscriber. `stay` (n, months + 1) is there at the end of months 0..m; `margin` (n, months) EUR."""

    stay: Floats
    margin: Floats

    @property
    def months(self) -> int:
        return int(self.margin.shape[1])

    def value(self, monthly_discount: float) -> Floats:
        """Expected discounted margin, EUR, (n,)."""
        return ltv.expected_margin(self.stay, self.margin, monthly_discount)

    def band(self, monthly_discount: float, coverage: float, moves: Floats) -> tuple[Floats, Floats]:
        """Low and high (n,), EUR, around the value.

        The ends are quantiles of what a life that ends in month m brings, moved outwards by the conformal corrections
        `moves` (n, 2) that were measured on matured margins, each in units of its end (`scale`).
        """
        low, high = self.quantiles(monthly_discount, coverage)
        value = self.value(monthly_discount)
        return (np.minimum(low - moves[:, 0] * self.scale(low), value),
                np.maximum(high + moves[:, 1] * self.scale(high), value))

    def quantiles(self, monthly_discount: float, coverage: float) -> tuple[Floats, Floats]:
        """The two ends that leave out (1 - coverage) / 2 each of the margin's distribution by month of leaving."""
        worth = self.margin * ltv.discount(self.months, monthly_discount)
        whole = np.cumsum(worth, axis=1)
        brings = np.hstack([whole - worth / 2, whole[:, -1:]])  # leaves in the middle of month m, or stays
        chance = np.hstack([-np.diff(self.stay, axis=1), self.stay[:, -1:]])
        order = np.argsort(brings, axis=1, kind="stable")
        ranked = np.take_along_axis(brings, order, axis=1)
        below = np.cumsum(np.take_along_axis(chance, order, axis=1), axis=1)
        return (_at(ranked, below, (1 - coverage) / 2), _at(ranked, below, (1 + coverage) / 2))

    def scale(self, end: Floats) -> Floats:
        """What a correction is measured in, (n,): the end itself, as noise grows with the time one pays, and a euro for
        every month."""
        return np.asarray(np.abs(end) + UNIT_EUR * self.months)

    def first(self, months: int) -> Outlook:
        """The same of the first months only."""
        return Outlook(self.stay[:, : months + 1], self.margin[:, :months])

    def rows(self, mask: Array) -> Outlook:
        return Outlook(self.stay[mask], self.margin[mask])


def moves(interval: Mapping[str, Any], frame: pd.DataFrame) -> Floats:
    """How far each row's ends move, (n, 2): the correction of its group, or that of all where its group has none."""
    import pandas as pd

    ends, column = interval["ends"], interval["by"]
    if column not in frame.columns:
        return np.tile(np.asarray(ends[EVERYBODY], dtype=np.float64), (len(frame), 1))
    codes, names = pd.factorize(frame[column])  # a missing one is coded -1: the last, everybody
    found = [*(ends.get(str(name), ends[EVERYBODY]) for name in names), ends[EVERYBODY]]
    return np.array(found, dtype=np.float64)[codes]


def groups(column: str, frame: pd.DataFrame) -> list[str]:
    """Whose correction a row takes; everybody's where the service has no such column."""
    return [str(name) for name in frame[column]] if column in frame.columns else [EVERYBODY] * len(frame)


def _at(ranked: Floats, below: Floats, level: float) -> Floats:
    """The first outcome of each row up to which at least `level` of its probability lies."""
    place = np.minimum((below < level - 1e-12).sum(axis=1), ranked.shape[1] - 1)
    return np.asarray(np.take_along_axis(ranked, place[:, None], axis=1)[:, 0])


def outlook(bundle: bundles.Bundle, frame: pd.DataFrame | pa.Table, first: Floats, months: int) -> Outlook:
    """The version's outlook on frame rows, of which `first` (n,) is the churn champion's probability of month one.

    Rows go through in chunks. Raises Held for a version from before there were heads.
    """
    terms = bundle.facts.get("ltv") or {}
    if not {"hazard", "margin"} <= set(terms):
        raise Held(f"{bundle.model} v{bundle.version}", ["it was trained before values had a hazard and a margin head"],
                   f"telco train {bundle.model} --as-of DAY")
    booster, columns = bundle.head(HAZARD), bundle.columns
    parts = []
    for number, matrix in enumerate(bundle.encoded(frame, CHUNK)):
        start = number * CHUNK
        later = hazards(booster, terms["hazard"], matrix, columns)
        money = margins(terms["margin"], matrix, columns)
        quiet, days = silent_price(terms["margin"], matrix, columns), terms["margin"]["silence_days"]
        parts.append(combined(first[start : start + CHUNK], later, money, months, quiet, days))
    return Outlook(np.vstack([part.stay for part in parts]), np.vstack([part.margin for part in parts]))


def combined(
    first: Floats, later: Floats, money: Floats, months: int, quiet: Floats, silence_days: float
) -> Outlook:
    """Month one is `first` itself; later months are the head's, and beyond what it saw the last is held.

    The prepaid rule: who is counted as gone on day `silence_days` of silence has topped nothing up since its first day,
    while their costs went on. So in month m the price `quiet` (n,), 0 for who has a contract, does not come from the
    share of those still counted who will be counted as gone within the next `silence_days`.
    """
    ahead = silence_days / ltv.MONTH_DAYS
    beyond = months + math.ceil(ahead)
    stay = ltv.survival(np.hstack([np.asarray(first, dtype=np.float64)[:, None], ltv.held(later, beyond - 1)]))
    middle = np.arange(months) + 0.5
    there, paying = _between(stay, middle), _between(stay, middle + ahead)
    lost = 1 - np.divide(paying, there, out=np.ones_like(there), where=there > 0)
    return Outlook(stay[:, : months + 1], ltv.held(money, months) - quiet[:, None] * lost)


def _between(stay: Floats, months: npt.NDArray[np.floating[Any]]) -> Floats:
    """Survival at these months, (n, len(months)), a straight line between the ends of two."""
    whole = np.floor(months).astype(np.int64)
    part = months - whole
    return np.asarray(stay[:, whole] * (1 - part) + stay[:, np.minimum(whole + 1, stay.shape[1] - 1)] * part)


def silent_price(terms: Mapping[str, Any], matrix: Array, columns: Sequence[str]) -> Floats:
    """The list price of who is prepaid and so leaves by silence, 0 of everybody else, (n,)."""
    if terms["prepaid"] is None:
        return np.zeros(len(matrix))
    name, code = terms["prepaid"]
    is_prepaid = matrix[:, list(columns).index(name)] == code
    return np.where(is_prepaid, np.nan_to_num(price_of(terms["price"], matrix, columns)), 0.0)


def hazards(booster: Any, terms: Mapping[str, Any], matrix: Array, columns: Sequence[str]) -> Floats:
    """P(leaves in month m | there at its beginning) of months 2..longest, shape (n, longest - 1)."""
    months = range(2, int(terms["longest"]) + 1)
    return np.column_stack([
        bundles.calibrate(bundles.margins(booster, with_month(matrix, month)), terms["calibrator"])
        for month in months
    ])


def with_month(matrix: Array, month: Array | int) -> Array:
    """The encoded features and the month as the last column."""
    return np.column_stack([matrix, np.broadcast_to(np.float32(month), len(matrix))])


def margins(terms: Mapping[str, Any], matrix: Array, columns: Sequence[str]) -> Floats:
    """Margin of months 1..longest of who is there, EUR per month, shape (n, longest), kept within what was seen.

    The list price as it will stand, and the gap to the margin: a line in the features (extras, costs, bills that do
    not come). The price moves by so much a month, depending on what `trend` names. Without a list price it is all gap.
    """
    gap = design(terms, matrix, columns, terms["features"]) @ np.asarray(terms["weights"]) + terms["intercept"]
    price = price_of(terms["price"], matrix, columns)
    ones = np.ones((len(matrix), 1))
    slope = np.hstack([ones, design(terms, matrix, columns, terms["trend"])]) @ np.asarray(terms["trend_weights"])
    steps = np.arange(1, int(terms["longest"]) + 1) + terms["lead"] - 1
    path = gap[:, None] + np.where(np.isnan(price), 0.0, price)[:, None]
    rise = np.where(np.isnan(price), 0.0, slope)[:, None] * steps
    return np.asarray(np.clip(path + rise, terms["lowest"], terms["highest"]))


def price_of(name: str, matrix: Array, columns: Sequence[str]) -> Floats:
    """The list price column, EUR (n,); unknown where the service has none."""
    if name not in columns:
        return np.full(len(matrix), np.nan)
    return np.asarray(matrix[:, list(columns).index(name)], dtype=np.float64)


def design(terms: Mapping[str, Any], matrix: Array, columns: Sequence[str], names: Sequence[str]) -> Floats:
    """The columns of `names`, (n, k): categories one-hot; numbers standardised, clipped at ten deviations, a missing
    one as the mean beside a flag that says so."""
    parts = []
    for name in names:
        values = matrix[:, list(columns).index(name)].astype(np.float64)
        if name in terms["categories"]:
            parts.append((values[:, None] == np.arange(terms["categories"][name])).astype(np.float64))
        else:
            mean, spread = terms["numbers"][name]
            missing = np.isnan(values)
            filled = np.clip((np.where(missing, mean, values) - mean) / spread, -10, 10)
            parts.append(np.column_stack([filled, missing]))
    return np.hstack(parts) if parts else np.empty((len(matrix), 0))
