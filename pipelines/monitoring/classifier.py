"""A domain classifier: how well then and now can be told apart by all columns together, and by which ones alone.

Rabanser, Guennemann and Lipton, "Failing Loudly", NeurIPS 2019: the classifier is the test that names what changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipelines.monitoring.measure import Family, Measure
from pipelines.scoring.distribution import ks

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

AUC: Final = "auc"
SUBJECT: Final = "all columns"
ROWS: Final = 4_000   # of either side: the error of an AUC is then .006, and the fit a second
FEWEST: Final = 200
FOLDS: Final = 2
SEED: Final = 20
# A column whose distribution is by itself so far from its own of a month before, on quiet weeks, tells the date: with
# sums over a year and radio figures that are a cell's of that week, quiet months had an AUC of .78; without them, .56.
TELLS_TIME: Final = 0.05


def measure(before: pd.DataFrame, now: pd.DataFrame, columns: Sequence[str]) -> Measure:
    """The cross-validated AUC of telling the rows of two plain frames apart by their columns, .5 when nothing can.

    The frames are indexed by subscriber and a subscriber's rows are in one fold: the same person a month apart would
    else be recognised. `detail` names the columns that moved furthest by themselves (Kolmogorov-Smirnov).
    """
    past, present = before.iloc[:ROWS], now.iloc[:ROWS]
    if min(len(past), len(present)) < FEWEST or not columns:
        return Measure(Family.CLASSIFIER, AUC, SUBJECT, None,
                       detail=f"{len(past)} and {len(present)} rows, {len(columns)} columns: too few to tell apart")
    table = codes(past, present, columns)
    side = np.r_[np.zeros(len(past)), np.ones(len(present))]
    fold = np.r_[folds(past.index), folds(present.index)]
    if any(len(np.unique(side[fold == one])) < 2 for one in range(FOLDS)):
        return Measure(Family.CLASSIFIER, AUC, SUBJECT, None, detail="a fold holds one side only")
    told = sorted(alone(before, now, columns).items(), key=lambda one: (-one[1], one[0]))[:5]
    return Measure(Family.CLASSIFIER, AUC, SUBJECT, _crossed(table, side, fold),
                   detail="alone: " + ", ".join(f"{name} {value:.2f}" for name, value in told))


def alone(before: pd.DataFrame, now: pd.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """How far each column lies from its own past by itself: the Kolmogorov-Smirnov distance, in [0, 1].

    Missing counts as the lowest value, text by its place among the sorted values.
    """
    past, present = before.iloc[:ROWS], now.iloc[:ROWS]
    if not len(past) or not len(present):
        return {}
    table = codes(past, present, columns)
    table = np.where(np.isnan(table), np.finfo(np.float64).min, table)
    return {name: ks(table[:len(past), place], table[len(past):, place]) for place, name in enumerate(columns)}


def auc(side: npt.NDArray[Any], score: Floats) -> float:
    """The probability that a row of the second side ranks above one of the first, ties half (Mann-Whitney)."""
    from scipy.stats import rankdata

    positive = side.astype(bool)
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return 0.5
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def codes(past: pd.DataFrame, present: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Both frames one above the other, float64 (rows, columns): numbers as they are, text as its place in the sorted
    values of both, missing as NaN."""
    import pandas as pd

    table = np.empty((len(past) + len(present), len(columns)))
    for place, name in enumerate(columns):
        column = pd.concat([past[name], present[name]], ignore_index=True)
        if column.dtype == "float64":
            table[:, place] = column.to_numpy()
        else:
            words = column.map(str, na_action="ignore")
            coded = pd.Categorical(words, categories=sorted(words.dropna().unique())).codes
            table[:, place] = np.where(coded < 0, np.nan, coded)
    return table


def folds(index: pd.Index) -> npt.NDArray[np.int64]:
    """The fold of each subscriber, the same in every frame."""
    import pandas as pd

    hashed = pd.util.hash_array(index.to_numpy(dtype=object), categorize=False)
    return np.asarray((hashed >> np.uint64(7)) % np.uint64(FOLDS), dtype=np.int64)


def _crossed(table: Floats, side: Floats, fold: npt.NDArray[np.int64]) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    score = np.empty(len(side))
    # One thread: on so few rows others only wait for each other, by the second of CPU where the machine is busy.
    with threadpool_limits(limits=1):
        for one in range(FOLDS):
            model = HistGradientBoostingClassifier(max_iter=25, max_leaf_nodes=8, learning_rate=0.2,
                                                   min_samples_leaf=40, early_stopping=False, random_state=SEED)
            model.fit(table[fold != one], side[fold != one])
            score[fold == one] = model.decision_function(table[fold == one])
    # By fold: scores of two models are not on one scale.
    return float(np.mean([auc(side[fold == one], score[fold == one]) for one in range(FOLDS)]))
