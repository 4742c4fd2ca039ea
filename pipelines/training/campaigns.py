"""What campaigns did to the judged rows: who was called while the label was decided, and is the score still true?"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

import numpy as np

from pipelines.gate import metrics
from pipelines.models.spec import Split
from pipelines.training.folds import Array, Floats
from pipelines.training.stack import Stack

_Z: Final = 1.959964  # of a 95 % interval


def arms(judged: Stack, predicted: Floats, split: Split) -> tuple[dict[str, Any], ...]:
    """One row for those contacted in the label's window, those held out of a campaign, and those left alone.

    Keys: arm, rows, share, positives, observed and its 95 % interval, predicted, ece (NaN below the split's least rows
    and leavers of a segment). Nothing where no campaign feed tells. The held-out were chosen by lot among the same
    people as the contacted, so it is these two that are compared; the others were never chosen.
    """
    if "is_contacted_in_window" not in judged.arms or not np.any(judged.arms["is_contacted_in_window"] >= 0):
        return ()
    contacted = judged.arms["is_contacted_in_window"]
    held_out = judged.arms.get("is_held_out_in_window", np.full(len(judged), -1, dtype=np.int8))
    unknown = contacted < 0
    named = {
        "contacted": contacted == 1, "held out": (held_out == 1) & (contacted == 0),
        "neither": (contacted == 0) & (held_out != 1), "unknown": unknown,
    }
    return tuple(_arm(name, rows, judged.label, predicted, split) for name, rows in named.items() if rows.any())


def _arm(name: str, rows: Array, label: Floats, predicted: Floats, split: Split) -> dict[str, Any]:
    truth, said = label[rows], predicted[rows]
    positives = int(truth.sum())
    enough = len(truth) >= split.min_segment_rows and positives >= split.min_slice_positives
    low, high = wilson(positives, len(truth))
    return {
        "arm": name, "rows": len(truth), "share": len(truth) / len(label), "positives": positives,
        "observed": float(truth.mean()), "observed_low": low, "observed_high": high, "predicted": float(said.mean()),
        "ece": metrics.ece(truth, said) if enough else float("nan"),
    }


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share. Wilson, Journal of the American Statistical Association 22 (1927)."""
    share, scale = hits / count, 1 + _Z**2 / count
    middle = (share + _Z**2 / (2 * count)) / scale
    half = _Z * sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)
