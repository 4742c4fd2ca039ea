"""Known changes are read from what is published; last year's night from whichever partition is nearest."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.monitoring import changes, season
from pipelines.monitoring.measure import Family, Measure
from pipelines.publish import Dataset
from pipelines.settings import settings

NIGHT = date(2026, 9, 1)
SINCE = NIGHT - timedelta(days=60)
ROWS = 2_000


def publish(root: Path, key: dict[str, str], frame: pd.DataFrame) -> None:
    def write(path: Path) -> int:
        frame.to_parquet(path, index=False)
        return len(frame)

    Dataset(root, tuple(key)).publish(key, write)


def night(as_of: date, operators: tuple[str, ...] = ("alpha",), ages: object = None, usage: float = 1.0) -> None:
    draw = np.random.default_rng(as_of.toordinal())
    subscribers = [f"sub_{place:05d}" for place in range(ROWS)]
    folder, key = settings().features, {"as_of": as_of.isoformat()}
    publish(folder / "roster", key, pd.DataFrame({
        "subscriber_id": subscribers, "operator": [operators[place % len(operators)] for place in range(ROWS)]}))
    publish(folder / "ftr_subscriber_billing", key, pd.DataFrame({
        "subscriber_id": subscribers, "data_mb_30d": draw.lognormal(8, 1, ROWS) * usage,
        "days_since_price_change": draw.integers(1, 400, ROWS).astype(float) if ages is None else ages}))


def cells(day: date, vendors: list[str], known_on: date | None = None) -> None:
    count = len(vendors)
    publish(settings().raw / "network" / "cells", {"dt": day.isoformat()}, pd.DataFrame({
        "cell_id": [f"C{place}" for place in range(count)], "vendor": vendors, "region": ["north"] * count,
        "known_on": [known_on or day + timedelta(days=1)] * count}))


def test_an_ordinary_house_has_no_known_change(home: Path) -> None:
    for as_of in (SINCE, NIGHT):
        night(as_of, ("alpha", "bravo"))
    for off in (3, 2, 1):
        cells(NIGHT - timedelta(days=off), ["nokia", "huawei"])
    assert changes.known(NIGHT, SINCE) == ()


@pytest.mark.mlts("O1")
def test_a_price_list_is_the_day_on_which_many_lines_changed(home: Path) -> None:
    night(SINCE)
    ages = np.random.default_rng(1).integers(1, 400, ROWS).astype(float)
    ages[: int(0.2 * ROWS)] = 11
    night(NIGHT, ages=ages)
    (change,) = changes.known(NIGHT, SINCE)
    assert (change.kind, change.known_on) == ("prices", NIGHT - timedelta(days=10))
    assert f"changed on {NIGHT - timedelta(days=11)}" in change.what
    assert change.explains(Measure(Family.INPUT, "psi", "price_eur", 1.0, 0.1))
    assert not change.explains(Measure(Family.INPUT, "psi", "data_mb_30d", 1.0, 0.1))
    assert changes.known(NIGHT, NIGHT - timedelta(days=5)) == ()  # the version has learned from it


def test_a_new_operator_is_known_from_the_first_night_with_its_lines(home: Path) -> None:
    arrival = NIGHT - timedelta(days=4)
    for off in (30, 6, 4, 2, 0):
        as_of = NIGHT - timedelta(days=off)
        night(as_of, ("alpha", "bravo") if as_of >= arrival else ("alpha",))
    (change,) = changes.known(NIGHT, SINCE)
    assert (change.kind, change.known_on) == ("operator", arrival)
    assert change.explains(Measure(Family.QUALITY, "rows", "billing_bravo.bills", 3.0, 1.0))
    assert not change.explains(Measure(Family.QUALITY, "rows", "billing_alpha.invoices", 3.0, 1.0))


@pytest.mark.mlts("O1")
def test_cells_of_another_vendor_are_a_change_from_the_list_that_says_so(home: Path) -> None:
    night(SINCE)
    night(NIGHT)
    swapped = NIGHT - timedelta(days=5)
    for off in range(9, 0, -1):
        day = NIGHT - timedelta(days=off)
        cells(day, ["nokia", "nokia"] if day >= swapped else ["ericsson", "nokia"])
    (change,) = changes.known(NIGHT, SINCE)
    assert (change.kind, change.known_on) == ("vendor", swapped + timedelta(days=1))
    assert change.what == "1 cells of region north went from ericsson to nokia"
    assert not changes.known(swapped, SINCE)  # not yet told


@pytest.mark.parametrize(("off", "is_found"), [(0, True), (3, True), (-7, True), (8, False)])
def test_last_years_night_is_the_nearest_within_a_week(home: Path, off: int, is_found: bool) -> None:
    night(NIGHT, usage=2.0)
    night(NIGHT - season.YEAR + timedelta(days=off), usage=2.0)
    found = season.same_weeks(["data_mb_30d", "not_published_then"], NIGHT)
    if not is_found:
        assert found is None
        return
    assert found is not None
    assert found["not_published_then"] is None
    assert found["data_mb_30d"] is not None
    assert found["data_mb_30d"] < 0.1
