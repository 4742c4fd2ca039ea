"""Person-periods: a subscriber's features at one cut-off beside what is known of them some months later.

Nothing but published partitions is read: a later cut-off of the same weekly grid already says who is still there
(they have a row), who then left (its churn label) and what they brought (its margin). A life that is not over gives a
row for every month of it that was seen, so unfinished lives count and nobody's end is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.estate import estate
from pipelines.models.spec import ModelSpec
from pipelines.progress import Report
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.training import frames
from pipelines.training.cutoffs import matured
from pipelines.training.folds import Floats, folds

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.governance.purpose import Leave

Ints = npt.NDArray[np.int64]

STEP_DAYS = 28  # four cut-offs of the weekly grid: a month of these data
BUCKETS = 1000


@dataclass(frozen=True)
class History:
    """One row per subscriber and cut-off whose churn label is known, with features; and where each of them stands."""

    frame: pd.DataFrame  # sorted by (event_timestamp, subscriber_id), with the churn label
    days: Ints  # (cut-offs,) ordinals, rising
    place: Ints  # (cut-offs, subscribers): row of the frame, -1 where not active
    left: Floats  # (rows,) 1 for who left within 30 days of the cut-off

    def day_of(self, rows: Ints) -> Ints:
        """The ordinal of these rows' cut-offs."""
        return np.asarray(self.frame["event_timestamp"].to_numpy().astype("M8[D]").astype(np.int64)[rows])


@dataclass(frozen=True)
class Periods:
    """Person-periods: row numbers of the features and of the outcome in the history's frame, and the month."""

    origin: Ints
    outcome: Ints
    month: Ints  # 1 is the month that begins at the origin

    def __len__(self) -> int:
        return len(self.month)

    def take(self, mask: npt.NDArray[np.bool_] | Ints) -> Periods:
        return Periods(self.origin[mask], self.outcome[mask], self.month[mask])


def read(spec: ModelSpec, churn: ModelSpec, leave: Leave, report: Report) -> History:
    """The newest matured cut-offs of the churn label, about `history_rows` rows at most: whole subscribers, by hash."""
    cutoffs = cutoffs_of(spec, churn, leave.as_of)
    rows = labels(churn, cutoffs, buckets_of(spec, churn, cutoffs), leave)
    report(f"train {spec.name}: reading features of {len(rows)} rows of {len(cutoffs)} cut-offs")
    return arranged(frames.training_frame(spec, rows), churn.label_column)


def cutoffs_of(spec: ModelSpec, churn: ModelSpec, as_of: date) -> tuple[date, ...]:
    """The cut-offs of the history; MissingHistory when one is not published."""
    longer = replace(churn, split=replace(churn.split, max_cutoffs=spec.parameters["history_cutoffs"]))
    cutoffs = matured(longer, as_of, estate().training_start)
    frames.check_published(longer, cutoffs, as_of)
    return cutoffs


def buckets_of(spec: ModelSpec, churn: ModelSpec, cutoffs: Sequence[date]) -> int:
    """How many of BUCKETS hash buckets of subscribers are read, by the rows that the manifest counts."""
    entries = Dataset(settings().labels / churn.label, ("as_of",)).entries()
    rows = sum(entries[(cutoff.isoformat(),)].rows for cutoff in cutoffs)
    return buckets(rows, spec.parameters["history_rows"])


def buckets(rows: int, most: int) -> int:
    """Of BUCKETS: all where the rows are at most `most`, else so many that about `most` stay, and at least one."""
    return BUCKETS if rows <= most else max(1, BUCKETS * most // rows)


def labels(spec: ModelSpec, cutoffs: Sequence[date], kept: int, leave: Leave) -> pd.DataFrame:
    """`frames.labels` of the subscribers in the first `kept` buckets, their names as texts."""
    only = None if kept >= BUCKETS else partial(drawn, kept=kept)
    return frames.labels(spec, cutoffs, leave, only).astype({"subscriber_id": object})


def drawn(subscriber: Any, kept: int) -> npt.NDArray[np.bool_]:
    """Which of these texts, hardly any of them twice, are in the first `kept` of BUCKETS hash buckets, shape (n,)."""
    return np.asarray(folds(subscriber, BUCKETS, "history", are_repeated=False) < kept)


def arranged(frame: pd.DataFrame, label_column: str) -> History:
    """The history of a frame sorted by (event_timestamp, subscriber_id)."""
    stamps = frame["event_timestamp"].to_numpy().astype("M8[D]").astype(np.int64)
    days, cutoff = np.unique(stamps, return_inverse=True)
    _, person = np.unique(frame["subscriber_id"].to_numpy(dtype=object).astype(str), return_inverse=True)
    place = np.full((len(days), int(person.max(initial=-1)) + 1), -1, dtype=np.int64)
    place[cutoff, person] = np.arange(len(frame))
    return History(frame, days, place, frame[label_column].to_numpy(dtype=np.float64))


def person_periods(history: History, months: Sequence[int], *, most: int, seed: int, lead: int = 0) -> Periods:
    """Every pair of cut-offs that lie month - 1 + lead steps of 28 days apart, at most `most` rows, drawn by seed.

    Who is not active at the later cut-off has no row there: they left before, and that month's row said so.
    """
    where = {int(day): number for number, day in enumerate(history.days)}
    found = []
    for month in months:
        for number, day in enumerate(history.days.tolist()):
            later = where.get(day + STEP_DAYS * (month - 1 + lead))
            if later is None:
                continue
            origin, outcome = history.place[number], history.place[later]
            both = (origin >= 0) & (outcome >= 0)
            found.append(np.column_stack([origin[both], outcome[both], np.full(int(both.sum()), month)]))
    stacked = np.concatenate(found) if found else np.empty((0, 3), dtype=np.int64)
    if len(stacked) > most:
        stacked = stacked[np.sort(np.random.default_rng(seed).choice(len(stacked), size=most, replace=False))]
    return Periods(stacked[:, 0], stacked[:, 1], stacked[:, 2])


def longest(history: History, months: int, lead: int = 0) -> int:
    """The last month of `months` that some pair of cut-offs shows; 0 when none does."""
    days = set(history.days.tolist())
    shown = [month for month in range(1, months + 1)
             if any(day + STEP_DAYS * (month - 1 + lead) in days for day in history.days.tolist())]
    return max(shown, default=0)
