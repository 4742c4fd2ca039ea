"""Small drawings from a card's own numbers, as coordinates for inline SVG: the page's colours apply, light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 14, 34
Rows = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str
    name: str


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Lift:
    """Each tenth's rate or amount as a multiple of that of all, highest predicted first; `average` is where 1 lies."""

    bars: tuple[Bar, ...]
    average: float
    told: str


@dataclass(frozen=True)
class Reliability:
    """Mean predicted (x) against observed (y) by tenths; `diagonal` is where a model to be believed lies."""

    points: tuple[tuple[float, float], ...]
    diagonal: tuple[float, float, float, float]
    xs: tuple[Tick, ...]
    ys: tuple[Tick, ...]
    told: str

    @property
    def line(self) -> str:
        return " ".join(f"{x},{y}" for x, y in self.points)


def lift(rows: Rows) -> Lift | None:
    """None where the tenths do not say it: no rows, or nobody who left."""
    total = sum(row["n"] for row in rows)
    base = sum(row["n"] * row["observed"] for row in rows) / total if total else 0.0
    if not base or not math.isfinite(base):
        return None
    heights = [row["observed"] / base for row in reversed(rows)]
    top = max(*heights, 1.0) * 1.12
    step = (WIDTH - LEFT - RIGHT) / len(heights)
    bars = tuple(
        Bar(_at(LEFT + step * place + step * 0.12), _y(height, 0, top), _at(step * 0.76),
            _at(HEIGHT - BOTTOM - _y(height, 0, top)), f"{height:.1f}", str(place + 1))
        for place, height in enumerate(heights)
    )
    return Lift(bars, _y(1.0, 0, top), f"Lift by tenths, highest first: {', '.join(bar.label for bar in bars)} times "
                                       "the average")


def reliability(rows: Rows, *, percent: bool) -> Reliability | None:
    """None where there is nothing to draw."""
    pairs = [(row["predicted"], row["observed"]) for row in rows]
    if not pairs or not all(math.isfinite(value) for pair in pairs for value in pair):
        return None
    values = [value for pair in pairs for value in pair]
    low, high = min(0.0, *values), max(values) * 1.06 or 1.0
    ticks = [tick for tick in _ticks(high) if tick >= low]
    words = [f"{value:.0%}" if percent and high > 0.05 else f"{value:.1%}" if percent else f"{value:,.0f}"
             for value in ticks]
    told = "; ".join(f"{p:.1%} predicted, {o:.1%} observed" if percent else f"{p:,.0f} predicted, {o:,.0f} observed"
                     for p, o in pairs)
    return Reliability(
        tuple((_x(p, low, high), _y(o, low, high)) for p, o in pairs),
        (_x(low, low, high), _y(low, low, high), _x(high, low, high), _y(high, low, high)),
        tuple(Tick(_x(value, low, high), word) for value, word in zip(ticks, words, strict=True)),
        tuple(Tick(_y(value, low, high), word) for value, word in zip(ticks, words, strict=True)),
        f"Reliability by tenths: {told}",
    )


def _ticks(high: float) -> list[float]:
    """Round values from 0 up, three to six of them."""
    size = 10 ** math.floor(math.log10(high))
    step = next(size * part for part in (0.2, 0.5, 1.0, 2.0) if high / (size * part) <= 6)
    return [number * step for number in range(int(high / step) + 1)]


def _x(value: float, low: float, high: float) -> float:
    return _at(LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low))


def _y(value: float, low: float, high: float) -> float:
    return _at(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low))


def _at(value: float) -> float:
    return round(value, 1)
