"""The recipe learns what is there, gives probabilities, and gives the same ones every time."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from pipelines import bundle as bundles
from pipelines.gate import metrics
from pipelines.gate.classification import classification
from pipelines.models import SPECS
from pipelines.settings import settings
from pipelines.training import baselines, recipe
from pipelines.training.folds import folds

SPEC = SPECS["churn"]
QUICK = replace(SPEC, parameters=MappingProxyType({**SPEC.parameters, "max_rounds": 60}))


@pytest.fixture(scope="module")
def rows(frames):
    frame = frames.rows(frames.START, 3000)
    return recipe.encode(frame, SPEC, frames.COLUMNS, bundles.learn_categories(frame, frames.COLUMNS))


@pytest.mark.mlts("I2")
def test_out_of_fold_probabilities_rank_and_are_calibrated(rows):
    fold = folds(rows.subscriber, 2, "t")
    predicted = recipe.fit_across(QUICK, rows.take(fold == 0), "i").predict(rows.take(fold == 1))
    figures = classification(rows.label[fold == 1], predicted)
    assert figures["auc"] > 0.68
    assert abs(predicted.mean() - rows.label.mean()) < 0.02
    assert figures["ece"] < 0.04


@pytest.mark.mlts("I2")
def test_shuffled_labels_teach_nothing(rows):
    random = np.random.default_rng(0)
    shuffled = recipe.Rows(rows.matrix, random.permutation(rows.label), rows.subscriber, rows.columns)
    fold = folds(rows.subscriber, 2, "t")
    predicted = recipe.fit_across(QUICK, shuffled.take(fold == 0), "i").predict(shuffled.take(fold == 1))
    assert abs(metrics.auc(shuffled.label[fold == 1], predicted) - 0.5) < 0.07


@pytest.mark.mlts("I1")
def test_one_thread_or_two_give_the_same_bytes(rows, monkeypatch):
    monkeypatch.setattr(recipe, "FEW_ROWS", 0)
    made = []
    for threads in ("1", "2"):
        monkeypatch.setenv("TELCO_THREADS", threads)
        settings.cache_clear()
        assert recipe._threads(rows) == int(threads)
        booster = recipe.refit(QUICK, rows, 20)
        made.append(bytes(booster.save_raw(raw_format="ubj")))
    settings.cache_clear()
    assert made[0] == made[1]


def test_a_missing_value_is_not_a_zero(rows):
    booster = recipe.refit(QUICK, rows, 30)
    place = rows.columns.index("contacts_30d")
    as_missing, as_zero = rows.matrix[:1].copy(), rows.matrix[:1].copy()
    as_missing[0, place], as_zero[0, place] = np.nan, 0.0
    assert np.isnan(rows.matrix[:, place]).any()
    label, subscriber = rows.label[:1], rows.subscriber[:1]
    fitted = recipe.Fitted(booster, 30, bundles.IDENTITY, "not calibrated")
    one = fitted.predict(recipe.Rows(as_missing, label, subscriber, rows.columns))
    other = fitted.predict(recipe.Rows(as_zero, label, subscriber, rows.columns))
    assert one[0] != other[0]


def test_folds_keep_a_subscriber_together_whatever_the_order():
    subscriber = np.array([f"sub_{number % 50}" for number in range(200)], dtype=object)
    fold = folds(subscriber, 5, "outer")
    assert len(set(zip(subscriber, fold, strict=True))) == 50
    assert set(fold) == {0, 1, 2, 3, 4}
    order = np.random.default_rng(1).permutation(200)
    assert (folds(subscriber[order], 5, "outer") == fold[order]).all()
    assert (folds(subscriber, 5, "inner") != fold).any()


def test_the_logistic_baseline_is_a_worthy_rival_and_the_constant_knows_nothing(rows, frames):
    frame = frames.rows(frames.START, 3000)
    categories = bundles.learn_categories(frame, frames.COLUMNS)
    fold = folds(rows.subscriber, 2, "t")
    train, judged = rows.take(fold == 0), rows.take(fold == 1)
    assert metrics.auc(judged.label, baselines.logistic(train, judged, categories)) > 0.68
    assert set(baselines.constant(train, 3)) == {train.label.mean()}
