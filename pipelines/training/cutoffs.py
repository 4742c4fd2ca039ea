"""Which cut-offs may be trained on at T, and how they are divided in time: pure date arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.models.spec import ModelSpec

Days = tuple[date, ...]


@dataclass(frozen=True)
class Slices:
    """Cut-offs of fit, calibrate and test; all three hold every cut-off when `design` is by_subscriber."""

    design: str
    fit: Days
    calibrate: Days
    test: Days
    why: str


def matured(spec: ModelSpec, as_of: date, training_start: date) -> Days:
    """The newest cut-offs of the grid training_start + k * step whose label is known at as_of, oldest first."""
    step = timedelta(days=spec.split.step_days)
    found = []
    cutoff = training_start
    while spec.known_on(cutoff) <= as_of:
        found.append(cutoff)
        cutoff += step
    return tuple(found[-spec.split.max_cutoffs:])


def divide(cutoffs: Sequence[date], spec: ModelSpec) -> Slices:
    """Fit, calibrate and test in time, a horizon apart, or by subscriber when the history is too short for that.

    Test ends at the newest cut-off. It and calibrate are each a quarter of the days the two gaps leave, at most
    `max_slice_days`; the fit gets the rest. So ~173 days of weekly cut-offs and a horizon of 30 give 9, 4 and 4.
    """
    days = sorted(cutoffs)
    horizon = timedelta(days=spec.horizon_days)
    if len(days) == 1:
        return _by_subscriber(days, "single cut-off: by subscriber")
    free = (days[-1] - days[0]) - 2 * horizon
    short = (
        f"{len(days)} cut-offs within {(days[-1] - days[0]).days} days are too few for fit, calibrate and test "
        f"{spec.horizon_days} days apart: by subscriber"
    )
    if free < timedelta(0):
        return _by_subscriber(days, short)
    width = min(timedelta(days=spec.split.max_slice_days), free // 4)
    test = _window(days, days[-1], width)
    before_test = [day for day in days if day <= test[0] - horizon]
    calibrate = _window(before_test, before_test[-1], width) if before_test else ()
    fit = tuple(day for day in days if calibrate and day <= calibrate[0] - horizon)
    if not fit:
        return _by_subscriber(days, short)
    return Slices("out_of_time", fit, calibrate, test, f"out of time: slices are {spec.horizon_days} days apart")


def comparable(test: Sequence[date], champion_fitted_on: Sequence[date], spec: ModelSpec) -> Days:
    """The test cut-offs a champion can be compared on: a horizon or more after the last one it was fitted on."""
    if not champion_fitted_on:
        return tuple(test)
    first = max(champion_fitted_on) + timedelta(days=spec.horizon_days)
    return tuple(day for day in test if day >= first)


def _window(days: Sequence[date], newest: date, width: timedelta) -> Days:
    return tuple(day for day in days if newest - width <= day <= newest)


def _by_subscriber(days: Sequence[date], why: str) -> Slices:
    every = tuple(days)
    return Slices("by_subscriber", every, every, every, why)
