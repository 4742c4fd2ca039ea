"""A night's scores of a classifier: probability, decile and three reasons for every row of the scoring frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipelines.bundle import Bundle, calibrate
from pipelines.models import spec_of
from pipelines.reasons import Reason, top_reasons
from pipelines.reasons.contributions import check_sum, contributions, prove, sample
from pipelines.scoring.table import ACTIONABLE, DIGITS, REASONS, THEMES, probability_column

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

CHUNK = 100_000  # rows held encoded, with their contributions, at once: 62 MB of float32 for 77 features


@dataclass(frozen=True)
class _Part:
    margin: np.ndarray
    reasons: list[Reason]


def classify(bundle: Bundle, frame: pd.DataFrame, as_of: date) -> pa.Table:
    """subscriber_id, <model>_probability, decile (1 = likeliest), reasons with themes; rows as in the frame.

    Raises Held when the contributions differ from XGBoost's own in a sample drawn by as_of, or do not add up to the
    log-odds in any row.
    """
    import numpy as np
    import pyarrow as pa

    parts = _parts(bundle, frame, as_of)
    margin = np.concatenate([part.margin for part in parts])
    probability = np.round(calibrate(margin, bundle.calibrator), DIGITS)
    table = pa.table({
        "subscriber_id": pa.array(frame["subscriber_id"], pa.string()),
        probability_column(bundle.model): probability,
        "decile": deciles(probability),
    })
    for rank, (words, theme, actionable) in enumerate(zip(REASONS, THEMES, ACTIONABLE, strict=True)):
        told = [part.reasons[rank] for part in parts]
        table = table.append_column(words, pa.chunked_array([one.words for one in told], pa.string()))
        table = table.append_column(theme, pa.chunked_array([one.theme for one in told], pa.string()))
        table = table.append_column(actionable, pa.chunked_array([one.actionable for one in told], pa.bool_()))
    return table


def _parts(bundle: Bundle, frame: pd.DataFrame, as_of: date) -> list[_Part]:
    """Log-odds and reasons by chunks of rows, after a sample of them was compared with XGBoost's own contributions."""
    tables = bundle.tables()
    sampled = bundle.encode(frame.iloc[sample(len(frame), seed=as_of.toordinal())])
    bias = prove(tables, sampled, bundle.own_contributions(sampled))
    parts, outcome = [], spec_of(bundle.model).outcome
    for start in range(0, len(frame), CHUNK):
        rows = frame.iloc[start:start + CHUNK]
        encoded = bundle.encode(rows)
        margin, contributed = bundle.log_odds(encoded), contributions(tables, encoded)
        check_sum(contributed, bias, margin)
        parts.append(_Part(margin, top_reasons(contributed, rows, bundle.columns, outcome)))
    return parts


def deciles(probability: np.ndarray) -> np.ndarray:
    """1 for the likeliest tenth, 10 for the least; ties go by the order of the rows. int64, shape (rows,)."""
    import numpy as np

    order = np.argsort(-probability, kind="stable")
    rank = np.empty(len(order), dtype="int64")
    rank[order] = np.arange(len(order))
    return rank * 10 // max(len(order), 1) + 1
