"""Whether columns still go together: values dealt out anew among people keep every margin and lose this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from pipelines.monitoring.continuity import FEWEST, spearman
from pipelines.monitoring.measure import Family, Measure

if TYPE_CHECKING:
    import pandas as pd

LOST: Final = "lost"
PAIRS: Final = 10    # across tables, and as many within one
WEAKEST: Final = 0.1  # a rank correlation below this has nothing to lose
OFTEN: Final = 2     # pairs a column may be in: else one column would be in all
SAME: Final = 0.995  # two names of one thing say nothing of a join


@dataclass(frozen=True)
class Pair:
    """Two columns and their rank correlation in the training sample."""

    left: str
    right: str
    correlation: float

    @property
    def subject(self) -> str:
        return f"{self.left} ~ {self.right}"


def strongest(sample: pd.DataFrame, table_of: Mapping[str, str]) -> list[Pair]:
    """The strongest pairs of numbers and flags across tables, then within one: at most PAIRS of each.

    Across tables is where a join can go wrong; within one, a single column. `table_of` names the table of a column.
    """
    numbers = as_numbers(sample)
    names = [str(name) for name in numbers if name in table_of]
    ranks = np.column_stack([_standard_ranks(numbers[name]) for name in names]) if names else np.empty((0, 0))
    matrix = ranks.T @ ranks / max(len(ranks), 1)
    order = sorted(((float(abs(matrix[i, j])), i, j) for i in range(len(names)) for j in range(i)),
                   key=lambda one: (-one[0], names[one[1]], names[one[2]]))
    return [*_chosen(order, names, table_of, numbers, across=True),
            *_chosen(order, names, table_of, numbers, across=False)]


def measure(now: pd.DataFrame, pairs: Sequence[Pair]) -> list[Measure]:
    """`lost` of each pair: by how much its rank correlation is weaker tonight than in training; negative: stronger."""
    numbers = as_numbers(now)
    return [_loss(numbers, pair) for pair in pairs]


def as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers of a plain frame, and its flags as 0 and 1, in its order."""
    flags = {"True": 1.0, "False": 0.0}
    found = {}
    for name in frame:
        column = frame[name]
        if column.dtype == "float64":
            found[name] = column
        elif set(column.dropna().unique()) <= set(flags) and column.notna().any():
            found[name] = column.map(flags).astype("float64")
    import pandas as pd

    return pd.DataFrame(found, index=frame.index)


def _standard_ranks(column: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Ranks of mean 0 and variance 1; a gap stands at the mean. All 0 for a constant."""
    ranks = column.rank().to_numpy(dtype=np.float64)
    if not np.isfinite(ranks).any():
        return np.zeros(len(ranks))
    centred: np.ndarray[tuple[int], np.dtype[np.float64]] = np.nan_to_num(ranks - np.nanmean(ranks))
    spread = float(np.sqrt(np.mean(centred**2))) if len(centred) else 0.0
    return centred / spread if spread > 0 else np.zeros(len(ranks))


def _chosen(
    order: Sequence[tuple[float, int, int]], names: Sequence[str], table_of: Mapping[str, str], numbers: pd.DataFrame,
    *, across: bool,
) -> list[Pair]:
    found: list[Pair] = []
    uses: dict[str, int] = {}
    for strength, i, j in order:
        left, right = sorted((names[i], names[j]))
        if strength < WEAKEST or len(found) == PAIRS:
            break
        if (table_of[left] != table_of[right]) is not across or strength > SAME:
            continue
        if max(uses.get(left, 0), uses.get(right, 0)) >= OFTEN:
            continue
        exact = _correlation(numbers, left, right)
        if exact is None or abs(exact) < WEAKEST:
            continue
        found.append(Pair(left, right, exact))
        uses |= {name: uses.get(name, 0) + 1 for name in (left, right)}
    return found


def _correlation(numbers: pd.DataFrame, left: str, right: str) -> float | None:
    if left not in numbers or right not in numbers:
        return None
    both = (numbers[left].notna() & numbers[right].notna()).to_numpy()
    if both.sum() < FEWEST:
        return None
    return spearman(numbers[left].to_numpy()[both], numbers[right].to_numpy()[both])


def _loss(numbers: pd.DataFrame, pair: Pair) -> Measure:
    now = _correlation(numbers, pair.left, pair.right)
    if now is None:
        why = f"fewer than {FEWEST} rows have both tonight, or one is constant"
        return Measure(Family.ASSOCIATION, LOST, pair.subject, None, detail=why)
    lost = abs(pair.correlation) - now * np.sign(pair.correlation)
    return Measure(Family.ASSOCIATION, LOST, pair.subject, float(lost),
                   detail=f"rank correlation {pair.correlation:.2f} in training, {now:.2f} tonight")
