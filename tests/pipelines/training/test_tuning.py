"""A search inside its budget, on rows the test never is, kept so that it can go on, and changing nothing by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pipelines.errors import NotEnoughData, UsageError
from pipelines.models import SPECS
from pipelines.training import recipe
from pipelines.training.cutoffs import divide
from pipelines.training.tuning import SPACE, tune

SPEC = SPECS["churn"]


@pytest.fixture
def world(frames, home, monkeypatch):
    made = frames.build(monkeypatch, home, frames.grid(24), count=300)
    made.T = frames.grid(24)[-1] + timedelta(days=37)
    return made


@pytest.mark.mlts("M3")
def test_the_spec_is_trial_zero_the_best_comes_first_and_the_study_goes_on(world, monkeypatch):
    digest = SPEC.digest
    first = tune("churn", world.T, trials=3)
    assert len(first.tried) == 3
    assert first.standing.parameters == {name: SPEC.parameters[name] for name in SPACE}
    assert [one.log_loss for one in first.tried] == sorted(one.log_loss for one in first.tried)
    assert SPECS["churn"].digest == digest
    fits = []
    fit = recipe.fit_in_time
    monkeypatch.setattr(recipe, "fit_in_time", lambda *given: fits.append(1) or fit(*given))
    more = tune("churn", world.T, trials=4)
    assert len(fits) == 1
    assert {one.number for one in more.tried} == {0, 1, 2, 3}
    assert len({tuple(one.parameters.values()) for one in more.tried}) == 4
    assert {one.number: one for one in first.tried}.items() <= {one.number: one for one in more.tried}.items()


@pytest.mark.mlts("M3")
def test_the_test_slice_is_never_read(world, monkeypatch, frames):
    asked = []

    def watched(service, rows):
        asked.extend(rows["event_timestamp"].unique())
        return world.answer(service, rows)

    monkeypatch.setattr("pipelines.features.training_frame", watched)
    tune("churn", world.T, trials=1)
    slices = divide(frames.grid(24), SPEC)
    assert {stamp.date() for stamp in asked} == {*slices.fit, *slices.calibrate}


def test_two_searches_of_one_seed_try_the_same(world, home, monkeypatch):
    import shutil

    one = tune("churn", world.T, trials=3)
    shutil.rmtree(one.study.parent)
    other = tune("churn", world.T, trials=3)
    assert one.tried == other.tried


def test_an_empty_budget_a_formula_and_a_short_history_are_refused(frames, home, monkeypatch):
    with pytest.raises(UsageError, match="0 trials"):
        tune("churn", date(2026, 6, 1), trials=0)
    with pytest.raises(UsageError, match="there are classifiers"):
        tune("ltv", date(2026, 6, 1))
    frames.build(monkeypatch, home, frames.grid(3), count=50)
    with pytest.raises(NotEnoughData, match="hold no fit and calibration"):
        tune("churn", frames.grid(3)[-1] + timedelta(days=37))
