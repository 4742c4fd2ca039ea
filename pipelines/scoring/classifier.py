"""A night's churn scores: probability, decile and three reasons for every row of the scoring frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.bundle import Bundle
from pipelines.reasons import top_reasons
from pipelines.scoring.table import DIGITS, REASONS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

CHUNK = 100_000  # rows whose contributions are held at once: 22 MB of float32 for 55 features


def classify(bundle: Bundle, frame: pd.DataFrame) -> pa.Table:
    """subscriber_id, churn_probability, decile (1 = most likely to leave), reason_1..3; rows as in the frame."""
    import numpy as np
    import pyarrow as pa

    probability = np.round(bundle.predict(frame), DIGITS)
    parts = [_reasons(bundle, frame.iloc[start:start + CHUNK]) for start in range(0, len(frame), CHUNK)]
    words = [np.concatenate([part[rank] for part in parts]) for rank in range(len(REASONS))]
    return pa.table({
        "subscriber_id": pa.array(frame["subscriber_id"], pa.string()),
        "churn_probability": probability,
        "decile": deciles(probability, frame["subscriber_id"].to_numpy()),
        **{name: pa.array(column, pa.string()) for name, column in zip(REASONS, words, strict=True)},
    })


def deciles(probability: np.ndarray, subscriber_ids: np.ndarray) -> np.ndarray:
    """1 for the tenth most likely to leave, 10 for the least; ties go by subscriber_id. int64, shape (rows,)."""
    import numpy as np

    order = np.lexsort((subscriber_ids, -probability))
    rank = np.empty(len(order), dtype="int64")
    rank[order] = np.arange(len(order))
    return rank * 10 // max(len(order), 1) + 1


def _reasons(bundle: Bundle, frame: pd.DataFrame) -> list[np.ndarray]:
    return top_reasons(bundle.contributions(frame), frame, bundle.columns)
