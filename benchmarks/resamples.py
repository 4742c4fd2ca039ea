"""Resamples of subscribers that every figure of a benchmark shares, so that differences and shares have intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

LOW, HIGH = 0.025, 0.975

Floats = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Figure:
    """A value and its 95 % percentile interval."""

    value: float
    low: float
    high: float

    def told(self, form: str = ".3f") -> str:
        """`0.812 [0.798, 0.826]`."""
        return f"{self.value:{form}} [{self.low:{form}}, {self.high:{form}}]"


class Resamples:
    """Bootstrap over subscribers (Efron and Tibshirani 1993): all rows of one go together, whatever the night.

    `len` draws; iterating gives the weights of the rows (n,), drawn by seed.
    """

    def __init__(self, subscriber: Any, draws: int, seed: int = 0) -> None:
        names, self._place = np.unique(np.asarray(subscriber, dtype=str), return_inverse=True)
        chance, share = np.random.default_rng(seed), np.full(len(names), 1 / len(names))
        self._counts = np.array([chance.multinomial(len(names), share) for _ in range(draws)], dtype=np.int16)

    def __len__(self) -> int:
        return len(self._counts)

    def __iter__(self) -> Iterator[Floats]:
        for counts in self._counts:
            yield counts[self._place].astype(np.float64)


def figure(value: float, draws: Any) -> Figure:
    """The value with the quantiles of its draws."""
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [LOW, HIGH])
    return Figure(float(value), float(low), float(high))
