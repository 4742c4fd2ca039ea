"""Figures by operator, band and roster column: whom a model fails shows, however good the average."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines.models import SPECS
from pipelines.models.spec import Slice
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.training.segments import banded, segments

DAY = pd.Timestamp("2026-03-01")
SPEC = replace(SPECS["churn"], slices=(
    Slice("contract_type"), Slice("tenure_days", (0, 90, 365)), Slice("operator"), Slice("nowhere"),
))


@pytest.fixture
def judged(home):
    random, count = np.random.default_rng(1), 2000
    frame = pd.DataFrame({
        "subscriber_id": [f"sub_{number:04d}" for number in range(count)],
        "event_timestamp": pd.Series([DAY] * count).astype("M8[us]"),
        "is_churned": random.random(count) < 0.2,
        "contract_type": np.where(np.arange(count) < 1900, "monthly", "24m"),
        "tenure_days": random.integers(0, 800, size=count).astype(float),
    })
    frame.loc[0, "tenure_days"] = np.nan
    roster = frame[["subscriber_id", "event_timestamp"]].assign(
        operator=np.where(np.arange(count) % 2, "bravo", "alpha"))
    Dataset(settings().features / "roster", ("as_of",)).publish(
        {"as_of": "2026-03-01"}, lambda path: roster.to_parquet(path, index=False) or count)
    return frame


@pytest.mark.mlts("M6")
def test_an_operator_the_model_is_blind_for_shows(judged):
    is_alpha = np.arange(2000) % 2 == 0
    score = np.where(is_alpha, judged["is_churned"] * 0.5 + 0.1, 0.2)
    found = {(part["slice"], part["value"]): part for part in segments(SPEC, judged, score)}
    alpha, bravo = found["operator", "alpha"], found["operator", "bravo"]
    assert (alpha["auc"], bravo["auc"]) == (1.0, 0.5)
    assert bravo["auc_low"] <= 0.5 <= bravo["auc_high"]
    assert alpha["rows"] + bravo["rows"] == 2000
    assert bravo["predicted"] == pytest.approx(0.2)
    assert bravo["observed"] == pytest.approx(judged["is_churned"][~is_alpha].mean())


@pytest.mark.mlts("M6")
def test_thin_values_and_columns_nobody_has_are_left_out(judged):
    found = {(part["slice"], part["value"]) for part in segments(SPEC, judged, np.full(2000, 0.2))}
    assert ("contract_type", "monthly") in found
    assert ("contract_type", "24m") not in found  # 100 rows
    assert {name for name, _ in found} == {"contract_type", "tenure_days", "operator"}
    assert ("tenure_days", "unknown") not in found


def test_bands_include_their_lower_end_and_a_missing_value_is_a_band():
    column = pd.Series([-1, 0, 89.9, 90, 365, np.nan])
    assert list(banded(column, Slice("tenure_days", (0, 90, 365)))) == [
        "below 0", "1: 0 to under 90", "1: 0 to under 90", "2: 90 to under 365", "3: 365 and more", "unknown"]
