"""Candidate and champion are scored on the same rows, and only on rows neither was fitted on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle as bundles
from pipelines import champions
from pipelines.models import SPECS
from pipelines.training import classifier, recipe
from pipelines.training.judgement import compare, judge

SPEC = SPECS["churn"]
QUICK = replace(
    SPEC, parameters=MappingProxyType({**SPEC.parameters, "max_rounds": 60}),
    gate=replace(SPEC.gate, bootstrap_rounds=100),
)


@pytest.fixture(scope="module")
def cutoffs(frames):
    return frames.grid(24)


@pytest.fixture(scope="module")
def frame(frames, cutoffs):
    return pd.concat([frames.rows(cutoff, 500) for cutoff in cutoffs], ignore_index=True)


@pytest.fixture(scope="module")
def candidate(frames, frame, cutoffs):
    made = classifier.fit(QUICK, frame, frames.COLUMNS, cutoffs, lambda line: None)
    return replace(made, evaluation=replace(made.evaluation, rows_without_consent=0, rows_outside_region=0))


@pytest.fixture
def enter(frames, frame, cutoffs, home):
    """Put a champion in the log that was fitted on the first `count` cut-offs, on its labels or on shuffled ones."""

    def make(count: int, *, shuffled: bool = False):
        part = frame[frame["event_timestamp"] <= pd.Timestamp(cutoffs[count - 1])].reset_index(drop=True)
        categories = bundles.learn_categories(part, frames.COLUMNS)
        rows = recipe.encode(part, QUICK, frames.COLUMNS, categories)
        if shuffled:
            label = np.random.default_rng(0).permutation(rows.label)
            rows = recipe.Rows(rows.matrix, label, rows.subscriber, rows.columns)
        trained = QUICK.known_on(cutoffs[count - 1])
        bundle = bundles.save(bundles.path_of("churn", 1), {
            "model": "churn", "version": 1, "feature_service": "churn_v2", "columns": frames.COLUMNS,
            "categories": categories, "calibrator": bundles.IDENTITY, "trained_as_of": trained.isoformat(),
            "cutoffs": [day.isoformat() for day in cutoffs[:count]], "verdict": {"passed": True},
        }, booster=recipe.refit(QUICK, rows, 60))
        return champions.enter("churn", 1, trained, bundle.sha256, reason="test")

    return make


def test_without_a_champion_there_is_nothing_to_compare(candidate, home):
    assert compare(QUICK, candidate, QUICK.known_on(candidate.judged_cutoffs[-1])) is None


def test_only_cutoffs_a_horizon_after_the_champions_last_are_compared(candidate, cutoffs, enter):
    enter(18)  # its last cut-off is 35 days before the newest: only the newest is 30 days clear of it
    as_of = QUICK.known_on(cutoffs[-1])
    found = compare(QUICK, candidate, as_of)
    clear = [day for day in candidate.judged_cutoffs if day >= cutoffs[17] + timedelta(days=30)]
    assert 0 < len(clear) < len(candidate.judged_cutoffs)
    assert found.rows == 500 * len(clear)
    assert found.age_days == (as_of - QUICK.known_on(cutoffs[17])).days


def test_a_champion_fitted_on_noise_is_beaten_and_the_verdict_says_by_how_much(candidate, cutoffs, enter):
    enter(12, shuffled=True)
    verdict = judge(QUICK, candidate, QUICK.known_on(cutoffs[-1]))
    assert verdict.passed, verdict.reasons
    assert verdict.checks[-1].value > 0.1


def test_a_champion_as_good_is_kept_and_the_reason_names_it(candidate, cutoffs, enter):
    enter(12)
    verdict = judge(QUICK, candidate, QUICK.known_on(cutoffs[-1]))
    assert not verdict.passed
    assert "over champion v1 on 2000 rows" in verdict.reasons[-1]


def test_a_champion_fitted_on_the_newest_cutoffs_cannot_be_compared_yet(candidate, cutoffs, enter):
    enter(24)
    found = compare(QUICK, candidate, QUICK.known_on(cutoffs[-1]))
    assert found.rows == 0
    assert str(QUICK.known_on(cutoffs[-1] + timedelta(days=30))) in found.why
