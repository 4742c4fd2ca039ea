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
LEAVERS: Final = "leavers"              # of a week
LEAVERS_MONTH: Final = "leavers_month"  # of four: a small operator's weeks are too few people to say anything
# More leavers than usual, as a share, that seasons and campaigns bring however large the operator: of everyone against
# the weeks before training, of a cohort against what its peers do now.
TOLERATED, TOLERATED_OF_PEERS = 0.25, 0.10
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


def more_leavers(
    counted: Counts, usual: Mapping[str, Sequence[Sequence[int]]], name: str = LEAVERS
) -> list[Measure]:
    """By how many standard deviations more left of each cohort than is usual, beyond what is tolerated.

    Usual is the cohort's rate in the weeks before training, times what its peers' rate is of theirs: a season moves
    both. Where fewer than FEWEST_LEAVERS are expected the cohort is left out; without WEEKS of past it is unknown.
    """
    past = {cohort: np.array([week for week in usual.get(cohort, ()) if week[1]], dtype=np.float64).reshape(-1, 2)
            for cohort in counted}
    known = len(past.get(EVERYONE, ()))
    if known < WEEKS:
        return [Measure(Family.PEERS, name, EVERYONE, None, detail=f"{known} past weeks known, {WEEKS} wanted")]
    expected = {cohort: float(weeks[:, 0].sum() / weeks[:, 1].sum()) * counted[cohort][1]
                for cohort, weeks in past.items() if len(weeks) >= WEEKS}
    found = []
    for cohort, count in expected.items():
        others = (counted[EVERYONE][0] - counted[cohort][0], expected[EVERYONE] - count)
        if count >= FEWEST_LEAVERS:
            found.append(_wave(name, cohort, counted[cohort][0], count, past[cohort], others))
    return found


def _wave(
    name: str, cohort: str, gone: int, expected: float, weeks: Floats, others: tuple[int, float]
) -> Measure:
    """Of a Poisson count by its root (Anscombe 1948), widened by how much more than that the past weeks scattered, and
    by the count of the peers (`others`: who left of them, and who was expected to)."""
    usual = weeks[:, 1] * weeks[:, 0].sum() / weeks[:, 1].sum()
    scatter = max(1.0, float(np.mean((weeks[:, 0] - usual) ** 2 / usual)))
    tolerated, told = TOLERATED, ""
    if cohort != EVERYONE and min(others) >= FEWEST_LEAVERS:
        expected *= others[0] / others[1]
        scatter *= 1.0 + expected / others[0]
        tolerated, told = TOLERATED_OF_PEERS, " and its peers tonight"
    beyond = 2 * (math.sqrt(gone + 3 / 8) - math.sqrt((1 + tolerated) * expected + 3 / 8)) / math.sqrt(scatter)
    return Measure(Family.PEERS, name, cohort, beyond, WAVE,
                   f"{gone} left, {expected:.0f} expected by the weeks before training{told}")


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
