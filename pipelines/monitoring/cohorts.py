"""Leading signs: a cohort against its peers, and whether more of a cohort leave than in the weeks before.

What hits one region, plan or contract moves that cohort and not the others; a season moves all. Who has left is known
the day after, five weeks before the label of the last month matures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipelines.monitoring.measure import Family, Measure

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

# Columns of the model that say whose peers somebody is, beside the roster's (frames.COHORTS).
GROUPS: Final = ("contract_type", "plan_code", "internet_technology", "payment_method")
# Not active_days_7d: after a day-zero dump, of which usage is taken to be known a day late, it rises by one for whoever
# uses the network daily and not for the others, and four weeks of nights would say so.
COLUMNS: Final = (
    "data_mb_7d", "voice_min_30d", "dropped_call_ratio_30d", "dl_throughput_mbps_30d", "price_eur", "billed_eur_30d",
    "failed_payments_90d", "contacts_7d", "contacts_30d",
)
SCORE: Final = "score"
LEAVERS: Final = "leavers"
EVERYONE: Final = "everyone"
FEWEST: Final = 100   # subscribers of a cohort, and of its peers
WEEKS: Final = 6      # of leavers, to know what is usual
FEWEST_LEAVERS: Final = 3.0  # expected; below, one family's move is a wave
WAVE: Final = 4.0     # standard deviations: of 15 cohorts in a quarter of weeks, less than one in a hundred quarters

Counts = dict[str, tuple[int, int]]  # cohort -> (who left, person-days)


def measure(before: pd.DataFrame, now: pd.DataFrame, groups: pd.DataFrame, since: date) -> list[Measure]:
    """Difference in differences of each column (a measure's name), of each cohort (its subject) against the others.

    Of the subscribers of both nights, indexed by subscriber: the mean change of the cohort less that of everybody else,
    in standard errors, changes cut to their 0.5th..99.5th percentile. `groups` says who is in which cohort.
    """
    common = before.index.intersection(now.index)
    columns = [str(name) for name in now if name in before]
    past, present = (side[columns].reindex(common).to_numpy(dtype=np.float64) for side in (before, now))
    change = np.column_stack([_cut(one) for one in (present - past).T]) if columns else present
    grain = np.array([0.01 * _spread(now[name].to_numpy(dtype=np.float64)) for name in columns])
    found: list[Measure] = []
    for group in groups:
        words = groups[group].reindex(common).astype(object).to_numpy()
        known = np.array([word is not None and word == word for word in words], dtype=bool)
        for value in sorted({str(word) for word in words[known]}):
            inside = known & (words.astype(str) == value)
            if min(inside.sum(), (known & ~inside).sum()) >= FEWEST:
                found += _against(change[inside], change[known & ~inside], grain, columns, f"{group}={value}", since)
    return found


def leavers(before: pd.DataFrame, now: pd.DataFrame, days: int) -> Counts:
    """Who of the active of `before` is not active in `now`, `days` later, by cohort of every column of `before`.

    The frames are rosters of the active, indexed by subscriber.
    """
    gone = ~before.index.isin(now.index)
    counts = {EVERYONE: (int(gone.sum()), len(before) * days)}
    for group in before:
        codes, values = before[group].factorize()
        left = np.bincount(codes[(codes >= 0) & gone], minlength=len(values))
        there = np.bincount(codes[codes >= 0], minlength=len(values))
        counts |= {f"{group}={value}": (int(left[place]), int(there[place]) * days)
                   for place, value in sorted(enumerate(values), key=lambda one: str(one[1]))}
    return counts


def more_leavers(counted: Counts, usual: Mapping[str, Sequence[Sequence[int]]]) -> list[Measure]:
    """`leavers` of each cohort: by how many standard deviations more left than in the same cohort's past weeks.

    Of a Poisson count by its root (Anscombe 1948), widened by how much more the past weeks scattered. Cohorts so small
    that fewer than FEWEST_LEAVERS are expected are left out; without WEEKS of past the measure is unknown.
    """
    found = []
    for cohort, (gone, exposed) in counted.items():
        weeks = np.array([week for week in usual.get(cohort, ()) if week[1]], dtype=np.float64).reshape(-1, 2)
        if len(weeks) < WEEKS:
            if cohort == EVERYONE:
                why = f"{len(weeks)} past weeks known, {WEEKS} wanted"
                found.append(Measure(Family.PEERS, LEAVERS, cohort, None, detail=why))
            continue
        rate = weeks[:, 0].sum() / weeks[:, 1].sum()
        expected = rate * exposed
        if expected < FEWEST_LEAVERS:
            continue
        scatter = max(1.0, float(np.mean((weeks[:, 0] - rate * weeks[:, 1]) ** 2 / (rate * weeks[:, 1]))))
        beyond = 2 * (math.sqrt(gone + 3 / 8) - math.sqrt(expected + 3 / 8)) / math.sqrt(scatter)
        found.append(Measure(Family.PEERS, LEAVERS, cohort, beyond, WAVE,
                             f"{gone} left, {expected:.0f} expected by the weeks before training"))
    return found


def _against(
    own: Floats, others: Floats, grain: Floats, columns: Sequence[str], cohort: str, since: date
) -> list[Measure]:
    found = []
    for place, name in enumerate(columns):
        here, there = (side[np.isfinite(side[:, place]), place] for side in (own, others))
        if min(len(here), len(there)) < FEWEST:
            continue
        # The variance of all of them: a cohort in which by chance nobody's price changed has none of its own.
        scatter = float(np.concatenate([here, there]).var())
        error = math.sqrt(scatter * (1 / len(here) + 1 / len(there)))
        # A price list moves all of a cohort by the same: no scatter, and still a difference.
        error = max(error, float(grain[place]) / math.sqrt(min(len(here), len(there))))
        if error == 0 or not math.isfinite(error):
            continue
        gap = float(here.mean() - there.mean())
        told = f"{here.mean():+.3g} since {since}, its peers {there.mean():+.3g}"
        found.append(Measure(Family.PEERS, name, cohort, abs(gap) / error, detail=told))
    return found


def _cut(change: Floats) -> Floats:
    known = change[np.isfinite(change)]
    if not len(known):
        return change
    low, high = np.quantile(known, [0.005, 0.995])
    cut: Floats = np.clip(change, low, high) if low < high else change
    return cut


def _spread(values: Any) -> float:
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else 0.0
