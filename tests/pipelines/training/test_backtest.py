"""Origins that could have been, models that knew no more than their day, and what age costs them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from pipelines.errors import NotEnoughData, UsageError
from pipelines.models import SPECS
from pipelines.training import backtest as module
from pipelines.training import recipe
from pipelines.training.backtest import backtest, origins_of

SPEC = SPECS["churn"]


@pytest.fixture
def world(frames, home, monkeypatch):
    made = frames.build(monkeypatch, home, frames.grid(26), count=500)
    made.T = frames.grid(26)[-1] + timedelta(days=37)
    return made


def test_origins_are_days_at_which_fit_and_calibrate_were_known_a_horizon_apart(frames):
    cutoffs = frames.grid(26)
    starts = origins_of(SPEC, cutoffs, 6, 14)
    assert starts[-1] == cutoffs[-1]
    assert len(starts) >= 4
    for start in starts:
        fit, calibrate = module._slices(SPEC, cutoffs, start)
        assert SPEC.known_on(calibrate[-1]) <= start
        assert (calibrate[0] - fit[-1]).days >= SPEC.horizon_days


@pytest.mark.mlts("M4")
def test_every_model_saw_only_what_its_day_knew_and_scores_only_what_came_after(world, monkeypatch):
    seen, refit = [], recipe.refit

    def watched(spec, rows, rounds):
        seen.append(len(rows.label))
        return refit(spec, rows, rounds)

    monkeypatch.setattr(recipe, "refit", watched)
    found = backtest("churn", world.T, origins=4, step_days=14)
    assert len(found.origins) == 4
    for one in found.scored:
        assert one.cutoff >= one.origin
        assert one.age_weeks == (one.cutoff - one.origin).days // 7
    days = [stamp.date() for stamp in world.features["event_timestamp"].unique()]
    assert seen == [500 * sum(SPEC.known_on(day) <= row["origin"] for day in days) for row in found.origins]


@pytest.mark.mlts("M4")
def test_an_old_model_is_compared_with_the_youngest_on_the_same_cutoffs(world):
    found = backtest("churn", world.T, origins=4, step_days=14)
    ages = {row["age_weeks"]: row for row in found.ages}
    assert min(ages) == 0
    assert ages[0]["pairs"] == 0
    assert ages[2]["pairs"] > 0
    assert np.isfinite(ages[2]["auc_against_youngest"])
    assert all(row["auc"] > 0.6 for row in found.origins)
    assert all(row["auc_low"] <= row["auc"] <= row["auc_high"] for row in found.origins)


def test_too_little_history_says_how_many_origins_there_are(frames, home, monkeypatch):
    frames.build(monkeypatch, home, frames.grid(14), count=100)
    with pytest.raises(NotEnoughData, match=r"14 matured cut-offs give \d origins"):
        backtest("churn", frames.grid(14)[-1] + timedelta(days=37))


@pytest.mark.parametrize(("model", "asked", "words"), [
    ("ltv", {}, "there are classifiers"), ("churn", {"origins": 3}, "at least 4"), ("churn", {"step_days": 0}, "and 1"),
])
def test_what_cannot_be_backtested_is_refused_by_name(home, model, asked, words):
    with pytest.raises(UsageError, match=words):
        backtest(model, date(2026, 6, 1), **asked)
