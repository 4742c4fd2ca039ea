"""How fast a version scores, beside the champion: what the gate's speed checks are asked of.

Scoring is encoding the features, the trees and the calibration; for a lifetime value both heads and the months. The
probability it starts from, and the reasons, which only the night makes, are not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from pipelines import bundle as bundles
from pipelines import valuation
from pipelines.gate import Speed
from pipelines.models.spec import Kind, ModelSpec
from pipelines.training import frames
from pipelines.training.folds import Floats

if TYPE_CHECKING:
    import pandas as pd

Score = Callable[["pd.DataFrame"], Floats]

BATCH_ROWS: Final = 10_000
BATCHES: Final = 5
SINGLES: Final = 15
FIRST: Final = 0.02  # a probability of month one, which no time depends on


def of_bundles(
    spec: ModelSpec, candidate: bundles.Bundle, champion: bundles.Bundle | None, frame: pd.DataFrame
) -> Speed:
    """Both on the same rows of the frame, drawn by the spec's seed; a champion that knows other features gets those."""
    chosen = np.random.default_rng(spec.seed).permutation(len(frame))[:BATCH_ROWS]
    rows = frame.iloc[np.sort(chosen)]
    theirs = rows
    if champion is not None and not set(champion.columns) <= set(rows.columns):
        theirs = frames.training_frame(spec, rows[["subscriber_id", "event_timestamp"]], champion.feature_service)
    return measured(score_of(spec, candidate), _filled(rows),
                    score_of(spec, champion) if champion else None, _filled(theirs))


def score_of(spec: ModelSpec, bundle: bundles.Bundle) -> Score:
    """What the version says of frame rows, (n,)."""
    if spec.kind is Kind.CLASSIFIER:
        return lambda rows: np.asarray(bundle.predict(rows), dtype=np.float64)
    months, discount = int(bundle.facts["ltv"]["months"]), float(bundle.facts["ltv"]["monthly_discount"])
    return lambda rows: valuation.outlook(bundle, rows, np.full(len(rows), FIRST), months).value(discount)


def measured(ours: Score, rows: pd.DataFrame, theirs: Score | None, their_rows: pd.DataFrame) -> Speed:
    """The quickest of BATCHES of all rows and of SINGLES of one, in turns after a first time that does not count.

    Seconds of this process's CPU, and in turns: what else the machine does is none of a version's slowness. On two
    cores with eleven busy processes the clock on the wall refused two equal models of three by their batch. Threads
    that wait for a core spin on it, which only ever adds: hence the quickest and not the median, by which a row of a
    sound model took 3.3 and 4.4 times as long as the champion's on two busy cores.
    """
    batch = _in_turns(ours, [rows] * BATCHES, theirs, [their_rows] * BATCHES)
    single = _in_turns(ours, _ones(rows), theirs, _ones(their_rows))
    return Speed(
        rows_per_second=len(rows) / float(np.min(batch[0])) if len(rows) else float("nan"),
        row_seconds=float(np.min(single[0])) if len(rows) else float("nan"),
        batch_slowdown=float(np.min(batch[0]) / np.min(batch[1])) if theirs and len(rows) else None,
        row_slowdown=float(np.min(single[0]) / np.min(single[1])) if theirs and len(rows) else None,
    )


def _in_turns(
    ours: Score, our_parts: list[pd.DataFrame], theirs: Score | None, their_parts: list[pd.DataFrame]
) -> tuple[Floats, Floats]:
    """CPU seconds of each, (parts,); of nobody NaN."""
    found = np.full((2, len(our_parts)), np.nan)
    for place in range(-1, len(our_parts)):
        for number, (score, parts) in enumerate(((ours, our_parts), (theirs, their_parts))):
            if score is None or not parts:
                continue
            start = time.process_time()
            score(parts[max(place, 0)])
            if place >= 0:
                found[number, place] = time.process_time() - start
    return found[0], found[1]


def _ones(rows: pd.DataFrame) -> list[pd.DataFrame]:
    return [rows.iloc[place:place + 1] for place in range(min(SINGLES, len(rows)))]


def _filled(rows: pd.DataFrame) -> pd.DataFrame:
    """BATCH_ROWS rows, the few there are again and again, so that small worlds and large are measured alike."""
    return rows.iloc[np.arange(BATCH_ROWS) % len(rows)].reset_index(drop=True) if len(rows) else rows
