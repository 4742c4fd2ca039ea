"""Simple lifetime values on the same rows: what a version must beat to be worth its parts. EUR, undiscounted, (n,)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipelines.errors import NotEnoughData
from pipelines.models import ltv
from pipelines.training import baselines
from pipelines.training.folds import Array, Floats
from pipelines.training.value import bgnbd
from pipelines.training.value.periods import History

if TYPE_CHECKING:
    import pandas as pd

SEGMENT = ("contract_type", "segment")
FEW = 100  # subscribers of a segment; smaller ones share the curve of all
PREPAID = "prepaid"
WINDOW_DAYS = 90  # of invoice_count_90d


def of(history: History, rows: Array, first: Floats, margin_column: str, months: int) -> dict[str, Floats]:
    """Every rival by name: ARPU and margin times horizon, the constant hazard, Kaplan-Meier by segment, BG/NBD."""
    frame = history.frame.iloc[rows]
    margin = frame[margin_column].to_numpy(dtype=np.float64, na_value=np.nan)
    curve = kaplan_meier(history, rows, months) * margin
    found = {
        "billed_x_horizon": baselines.billed_for_ever(frame, months),
        "margin_x_horizon": baselines.margin_for_ever(frame, margin_column, months),
        "constant_hazard": ltv.expected_margin(
            ltv.survival(np.repeat(first[:, None], months, axis=1)), np.repeat(margin[:, None], months, axis=1), 0.0
        ),
        "kaplan_meier": curve,
    }
    bought = prepaid(frame, margin, months)
    if bought is not None:  # whoever has a contract: as Kaplan-Meier
        found["bg_nbd"] = np.where(frame["contract_type"] == PREPAID, bought, curve)
    return found


def kaplan_meier(history: History, rows: Array, months: int) -> Floats:
    """Expected months of stay by the survival curve of the subscriber's segment since their first cut-off, (n,).

    Kaplan and Meier (1958) as lifelines has it; somebody still there is censored. Months past the curve's end have the
    mean hazard of those before.
    """
    from lifelines import KaplanMeierFitter

    lives = _lives(history)
    segment = _segments(history.frame)
    seen = max(1, min(months, int(lives[:, 1].max(initial=0)) // ltv.MONTH_DAYS))
    curves: dict[str, Floats] = {}
    for name in np.unique(segment[lives[:, 0]]):
        mine = lives[segment[lives[:, 0]] == name]
        mine = mine if len(mine) >= FEW else lives
        fitted = KaplanMeierFitter().fit(mine[:, 1], mine[:, 2])
        known = fitted.survival_function_at_times(np.arange(seen + 1) * ltv.MONTH_DAYS).to_numpy(dtype=np.float64)
        stay = np.append(known, known[-1] * known[-1] ** (np.arange(1, months - seen + 1) / seen))
        curves[str(name)] = np.asarray((stay[:-1] + stay[1:]).sum() / 2)
    return np.array([float(curves[str(name)]) if str(name) in curves else float(months) for name in segment[rows]])


def _lives(history: History) -> npt.NDArray[np.int64]:
    """(people, 3): row of the first cut-off, days watched from there, 1 if they left at the end of them."""
    there = history.place >= 0
    people = np.arange(history.place.shape[1])
    first, last = there.argmax(axis=0), len(history.days) - 1 - there[::-1].argmax(axis=0)
    gone = history.left[history.place[last, people]] > 0
    # Who left did so before the next cut-off; of who did not, the label knows 30 days more.
    more = np.where(gone, 4, ltv.MONTH_DAYS)
    return np.column_stack([history.place[first, people], history.days[last] - history.days[first] + more, gone])


def _segments(frame: pd.DataFrame) -> npt.NDArray[np.str_]:
    names = [name for name in SEGMENT if name in frame.columns]
    return np.array([" ".join(map(str, row)) for row in zip(*(frame[name] for name in names), strict=True)])


def prepaid(frame: pd.DataFrame, margin: Floats, months: int) -> Floats | None:
    """BG/NBD on top-ups x what one brought, NaN for who has a contract; None where it cannot be fitted.

    Watched are the last 90 days or since activation, which stands for the first purchase. Days in units of a month.
    """
    if not {"contract_type", "invoice_count_90d", "tenure_days", "days_since_last_invoice"} <= set(frame.columns):
        return None
    mine = (frame["contract_type"] == PREPAID).to_numpy()
    part = frame[mine]
    count = part["invoice_count_90d"].to_numpy(dtype=np.float64, na_value=0.0)
    watched = np.clip(part["tenure_days"].to_numpy(dtype=np.float64), 1, WINDOW_DAYS)
    quiet = part["days_since_last_invoice"].to_numpy(dtype=np.float64, na_value=np.nan)
    recent = np.where(count > 0, np.clip(watched - np.nan_to_num(quiet, nan=WINDOW_DAYS), 0, None), 0.0)
    unit = float(ltv.MONTH_DAYS)
    _, one_each = np.unique(part["subscriber_id"].to_numpy(dtype=object).astype(str), return_index=True)
    try:
        model = bgnbd.fit(count[one_each], recent[one_each] / unit, watched[one_each] / unit)
    except NotEnoughData:
        return None
    ahead = model.expected_purchases(count, recent / unit, watched / unit, float(months))
    each = margin[mine] * (watched / unit) / np.maximum(count, 1)
    found = np.full(len(frame), np.nan)
    found[mine] = ahead * each
    return found
