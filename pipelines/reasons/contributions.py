"""Exact contributions of every feature to every row's log-odds, and the two proofs a night must pass with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipelines.errors import Held
from pipelines.reasons.kernels import accumulate
from pipelines.reasons.tables import Tables, tables_of
from pipelines.reasons.trees import trees_of
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np

SAMPLE_ROWS = 500
# Of the largest contribution, at least of 1: both sides add thousands of float32 numbers in another order.
ORACLE_TOLERANCE = 1e-4
SUM_TOLERANCE = 1e-3
_NEXT = "nothing was published; compare the bundle's trees with pipelines/reasons"


def tables(booster: Any) -> Tables:
    """The tables of a booster, worked out once per run. Raises Held for boosters they cannot explain."""
    return tables_of(trees_of(booster))


def contributions(forest: Tables, encoded: np.ndarray) -> np.ndarray:
    """Contributions in log-odds, float32 (rows, columns), of encoded float32 rows; missing is NaN.

    Positive pushes towards leaving. A row's contributions and the bias of XGBoost's `pred_contribs` add up to its
    log-odds. Rows are shared between `settings().threads` threads; the result does not depend on how many.
    """
    import numpy as np

    out = np.empty(encoded.shape, dtype="float32")
    bounds = np.linspace(0, len(encoded), settings().threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(settings().threads) as pool:
        list(pool.map(lambda part: accumulate(forest, encoded, slice(*part), out), pairwise(bounds)))
    return out


def sample(rows: int, seed: int) -> np.ndarray:
    """The rows to be proved, ascending: SAMPLE_ROWS of them, or all when there are fewer."""
    import numpy as np

    return np.sort(np.random.default_rng(seed).choice(rows, min(rows, SAMPLE_ROWS), replace=False))


def prove(forest: Tables, encoded: np.ndarray, oracle: np.ndarray) -> float:
    """Compare with XGBoost's `pred_contribs` (rows, columns + 1) for the same rows; the bias, its last column.

    Raises Held when a value differs by more than ORACLE_TOLERANCE, or is not a number.
    """
    import numpy as np

    expected, bias = oracle[:, :-1], oracle[:, -1]
    difference = float(np.abs(contributions(forest, encoded) - expected).max(initial=0.0))
    allowed = ORACLE_TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0.0)))
    if not difference <= allowed:
        raise Held("reasons", [f"contributions differ from XGBoost's own by up to {difference:.2g} on {len(encoded)} "
                               f"sampled rows; {allowed:.2g} is allowed"], _NEXT)
    return float(bias[0])


def check_sum(contributed: np.ndarray, bias: float, margin: np.ndarray) -> None:
    """Raise Held unless every row's contributions and the bias add up to its log-odds."""
    import numpy as np

    apart = np.abs(contributed.sum(axis=1, dtype="float64") + bias - margin)
    wrong = ~(apart <= SUM_TOLERANCE * np.maximum(1.0, np.abs(margin)))
    if wrong.any():
        raise Held("reasons", [f"contributions do not add up to the log-odds in {int(wrong.sum())} of {len(margin)} "
                               f"rows, by up to {float(apart[wrong].max()):.2g}"], _NEXT)
