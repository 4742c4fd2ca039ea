"""F45: better on the whole and worse for some: refused, and for whom is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.gate import Case, Check, Comparison, relative
from pipelines.models import SPECS
from pipelines.models.spec import ModelSpec, Slice
from pipelines.training import judgement

NAN = float("nan")
CHURN = replace(SPECS["churn"], slices=(Slice("operator"), Slice("segment"), Slice("tenure_days", (0, 365))))
LTV = replace(SPECS["ltv"], slices=CHURN.slices)
ROWS = 12_000


def world() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Judged rows, what the champion says, and a candidate that ranks everybody better."""
    random = np.random.default_rng(45)
    odds = random.normal(-2.6, 1.1, ROWS)
    frame = pd.DataFrame({
        "subscriber_id": [f"s{number // 2}" for number in range(ROWS)], "event_timestamp": pd.Timestamp("2026-03-01"),
        "operator": random.choice(["alpha", "bravo"], ROWS), "segment": random.choice(["home", "business"], ROWS,
                                                                                      p=[0.85, 0.15]),
        "tenure_days": random.integers(0, 800, ROWS), "is_churned": random.random(ROWS) < 1 / (1 + np.exp(-odds)),
        "margin_eur_90d": random.normal(60, 20, ROWS),
    })
    said = [1 / (1 + np.exp(-(odds + random.normal(0, spread, ROWS)))) for spread in (1.0, 0.5)]
    return frame, said[0], said[1]


def asked(spec: ModelSpec, frame: pd.DataFrame, ours: np.ndarray, theirs: np.ndarray) -> tuple[Check, Check]:
    """The check of the whole and that of the slices."""
    found = Comparison(1, 30, len(frame), spec.gate.compare_on, NAN, NAN)
    case = Case(None, replace(found, **judgement.beside(spec, frame, ours, theirs)))  # type: ignore[arg-type]
    return next(relative.champion(case, spec.gate)), next(relative.slices(case, spec.gate))


@pytest.mark.mlts("M6")
def test_F45_a_candidate_better_overall_and_worse_for_business_is_refused_by_name(home: Path) -> None:
    frame, theirs, ours = world()
    whole, each = asked(CHURN, frame, ours, theirs)
    assert whole.passed
    assert each.passed, each.sentence
    mine = (frame["segment"] == "business").to_numpy()
    ours[mine] = np.random.default_rng(1).permutation(ours[mine])  # it knows nothing of them
    whole, each = asked(CHURN, frame, ours, theirs)
    assert whole.passed, whole.sentence
    assert not each.passed
    assert "for segment business" in each.sentence
    assert "alpha" not in each.sentence
    assert each.value < -CHURN.gate.max_slice_loss


def test_F45_amounts_are_held_to_their_slices_too(home: Path) -> None:
    frame, _, _ = world()
    came, random = frame["margin_eur_90d"].to_numpy(), np.random.default_rng(2)
    theirs, ours = came + random.normal(0, 20, ROWS), came + random.normal(0, 12, ROWS)
    assert all(check.passed for check in asked(LTV, frame, ours, theirs))
    mine = (frame["tenure_days"] < 365).to_numpy() & (frame["operator"] == "bravo").to_numpy()
    ours[mine] += random.normal(0, 40, int(mine.sum()))
    frame["operator"] = np.where(mine, "charlie", frame["operator"])
    _, each = asked(LTV, frame, ours, theirs)
    assert not each.passed
    assert "for operator charlie" in each.sentence


def test_F45_a_slice_with_few_rows_or_leavers_is_not_judged_by_itself(home: Path) -> None:
    frame, theirs, ours = world()
    few = np.arange(ROWS) < CHURN.split.min_segment_rows - 1
    frame["operator"] = np.where(few, "tiny", frame["operator"])
    quiet = (frame["segment"] == "business").to_numpy()
    frame.loc[quiet, "is_churned"] = np.arange(int(quiet.sum())) < CHURN.split.min_slice_positives - 1
    named = {part.value for part in judgement.slices(CHURN, frame, ours, theirs)}
    assert {"alpha", "bravo", "home"} <= named
    assert not {"tiny", "business"} & named
