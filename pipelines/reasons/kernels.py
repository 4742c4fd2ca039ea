"""The one compiled loop: rows in, contributions out, by looking up the tables. The only module that imports numba."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelines.reasons.tables import Tables

if TYPE_CHECKING:
    import numpy as np

# Rows worked on at once: of 77 columns, values and sums in float32 are 315 KB, inside the second-level cache of a core.
ROWS = 512


def accumulate(tables: Tables, encoded: np.ndarray, rows: slice, out: np.ndarray) -> None:
    """Fill out[rows] (float32, log-odds) with the contributions of encoded[rows]; both are (rows, columns).

    Takes no lock of the interpreter: several threads may work on slices that do not overlap.
    """
    import numpy as np

    columns = encoded.shape[1]
    splits = int(np.diff(tables.split_starts).max(initial=0))
    _compiled()(
        tables, encoded, rows.start, rows.stop, out,
        np.empty((columns, ROWS), "float32"), np.empty((columns, ROWS), "float32"),
        np.empty((splits, ROWS), "uint16"), np.empty(ROWS, "uint16"),
    )


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., None]:
    # Not cached on disk: numba's cache is pickles, which whoever may write them could run code with.
    import numba

    compiled: Callable[..., None] = numba.njit(nogil=True)(_accumulate)
    return compiled


def _accumulate(
    tables: Any, encoded: Any, first: int, last: int, out: Any, x: Any, sums: Any, answers: Any, pattern: Any
) -> None:
    """The loop, plain Python for numba. `x`, `sums` (columns, ROWS), `answers` (splits, ROWS), `pattern`: scratch."""
    t = tables
    columns, step = x.shape
    for start in range(first, last, step):
        n = min(step, last - start)
        for r in range(n):
            for c in range(columns):
                x[c, r] = encoded[start + r, c]
                sums[c, r] = 0.0
        for tree in range(len(t.split_starts) - 1):
            base = t.split_starts[tree]
            for s in range(base, t.split_starts[tree + 1]):
                column, threshold, answer = x[t.split_feature[s]], t.split_threshold[s], answers[s - base]
                # A missing value compares false either way, which is what sends it to its default side.
                if t.split_default_left[s]:
                    for r in range(n):
                        answer[r] = not (column[r] >= threshold)
                else:
                    for r in range(n):
                        answer[r] = column[r] < threshold
            for b in range(t.block_starts[tree], t.block_starts[tree + 1]):
                pattern[:n] = 0
                bits = t.asked_starts[b + 1] - t.asked_starts[b]
                for k in range(bits):
                    answer = answers[t.asked[t.asked_starts[b] + k]]
                    for r in range(n):
                        pattern[r] |= answer[r] << k
                place = t.value_starts[b]
                for f in range(t.feature_starts[b], t.feature_starts[b + 1]):
                    values, total = t.values[place:place + (1 << bits)], sums[t.features[f]]
                    for r in range(n):
                        total[r] += values[pattern[r]]
                    place += 1 << bits
        for r in range(n):
            for c in range(columns):
                out[start + r, c] = sums[c, r]
