"""What a list of whom to call is worth, under a cost table that is stated and not tuned.

Retention may contact 5 % of the active subscribers a night (CAPACITY). In euros:

| | |
|---|---:|
| a contact, whoever it reaches | 2 |
| an offer that is taken | 20 |
| share of those contacted who take it, leavers and stayers alike | 30 % |
| share of the leavers who took it that stays | 100 % |
| margin saved with a leaver who stays | the truth's expected margin of their next twelve months |

So a leaver on the list brings .3 (margin - 20) - 2 and a stayer costs .3 x 20 + 2: the campaign of Neslin, Gupta,
Kamakura, Lu and Mason (2006), "Defection detection", Journal of Marketing Research 43(2), with the stayers taking the
offer no more readily than the leavers. The amounts are an assumption, for comparing lists: a real table is a campaign's
to measure. The simulator's own campaigns do other things to other people; they are not used here.

The margin saved is that of the simulator, whoever made the list, and includes that such people may leave anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from resamples import Figure, Floats, Resamples, figure

CAPACITY = 0.05
PER = 1000  # active subscribers that the profit is told for


@dataclass(frozen=True)
class Costs:
    """EUR, and a share."""

    contact: float = 2.0
    offer: float = 20.0
    taken: float = 0.30


COSTS = Costs()


def brought(came: Floats, margin: Floats, costs: Costs = COSTS) -> Floats:
    """EUR each subscriber brings if contacted, (n,). `came` 1 for who left, or the probability of it."""
    saved = came * costs.taken * (margin - costs.offer)
    return np.asarray(saved - (1 - came) * costs.taken * costs.offer - costs.contact)


class List:
    """The best by `score` of every night, so many as capacity allows; equal scores share the last places."""

    def __init__(self, night: Any, score: Floats, gain: Floats, capacity: float = CAPACITY) -> None:
        self._gain, self._capacity = gain, capacity
        self._nights = []
        for one in np.unique(night):
            rows = np.flatnonzero(night == one)
            rows = rows[np.argsort(-score[rows], kind="stable")]
            starts = np.flatnonzero(np.r_[True, np.diff(score[rows]) != 0])
            self._nights.append((rows, starts))

    def profit(self, weight: Floats | None = None) -> float:
        """EUR a night per PER active subscribers, with row weights (n,) or each row once."""
        total = rows_told = 0.0
        for rows, starts in self._nights:
            counts = np.ones(len(rows)) if weight is None else weight[rows]
            size = np.add.reduceat(counts, starts)
            gain = np.add.reduceat(counts * self._gain[rows], starts)
            places = np.clip(self._capacity * counts.sum() - (np.cumsum(size) - size), 0, size)
            total += float((gain * np.divide(places, size, out=np.zeros_like(size), where=size > 0)).sum())
            rows_told += float(counts.sum())
        return PER * total / rows_told


def profits(night: Any, gain: Floats, scores: dict[str, Floats], resamples: Resamples) -> dict[str, Figure]:
    """EUR a night per PER active subscribers of the list each score makes; and "first - other" of the first of them
    over every other, on the same resamples."""
    lists = {name: List(night, score, gain) for name, score in scores.items()}
    values = {name: one.profit() for name, one in lists.items()}
    drawn = [{name: one.profit(weight) for name, one in lists.items()} for weight in resamples]
    found = {name: figure(value, [draw[name] for draw in drawn]) for name, value in values.items()}
    first = next(iter(scores))
    for name in list(scores)[1:]:
        found[f"{first} - {name}"] = figure(values[first] - values[name], [one[first] - one[name] for one in drawn])
    return found
