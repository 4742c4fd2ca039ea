"""A night's scores of a classifier: probability, decile and three reasons for every row of the scoring table."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pipelines.bundle import Bundle, calibrate
from pipelines.models import spec_of
from pipelines.reasons import Choice, strongest, told
from pipelines.reasons.contributions import check_sum, contributions, prove, sample
from pipelines.scoring.table import ACTIONABLE, DIGITS, REASONS, THEMES, probability_column

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CHUNK = 50_000  # rows held encoded, with their contributions, at once: 31 MB of float32 for both of 77 features


def classify(bundle: Bundle, table: pa.Table, as_of: date) -> pa.Table:
    """subscriber_id, <model>_probability, decile (1 = likeliest), reasons with themes; rows as in the table.

    Raises Held when the contributions differ from XGBoost's own in a sample drawn by as_of, or do not add up to the
    log-odds in any row.
    """
    import numpy as np
    import pyarrow as pa

    margin, choice = _explained(bundle, table, as_of)
    probability = np.round(calibrate(margin, bundle.calibrator), DIGITS)
    columns = {"subscriber_id": table["subscriber_id"], probability_column(bundle.model): probability,
               "decile": deciles(probability)}
    reasons = told(choice, table, bundle.columns, spec_of(bundle.model).outcome)
    for reason, words, theme, actionable in zip(reasons, REASONS, THEMES, ACTIONABLE, strict=True):
        columns |= {words: reason.words, theme: reason.theme, actionable: reason.actionable}
    return pa.table(columns)


def _explained(bundle: Bundle, table: pa.Table, as_of: date) -> tuple[np.ndarray, Choice]:
    """Log-odds and reasons by chunks of rows, after a sample of them was compared with XGBoost's own contributions."""
    import numpy as np

    tables = bundle.tables()
    sampled = bundle.encode(table.take(sample(len(table), seed=as_of.toordinal())))
    bias = prove(tables, sampled, bundle.own_contributions(sampled))
    margins, choices = [], []
    for encoded in bundle.encoded(table, CHUNK):
        margin, contributed = bundle.log_odds(encoded), contributions(tables, encoded)
        check_sum(contributed, bias, margin)
        margins.append(margin)
        choices.append(strongest(contributed, bundle.columns))
    return np.concatenate(margins), Choice(*map(np.concatenate, zip(*choices, strict=True)))


def deciles(probability: np.ndarray) -> np.ndarray:
    """1 for the likeliest tenth, 10 for the least; ties go by the order of the rows. int64, shape (rows,)."""
    import numpy as np

    order = np.argsort(-probability, kind="stable")
    rank = np.empty(len(order), dtype="int64")
    rank[order] = np.arange(len(order))
    return rank * 10 // max(len(order), 1) + 1
