"""The card says what a reader needs, the page draws it, and both are the same for the same training."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest

from pipelines.gate import Check, Evaluation, Verdict
from pipelines.gate.classification import classification, deciles, intervals
from pipelines.models import SPECS
from pipelines.training.card import card, page

SPEC = SPECS["churn"]
FACTS = {
    "version": 7, "trained_as_of": "2026-06-01", "rows": 900, "positives": 90, "cutoffs": ["2026-03-01", "2026-03-08"],
    "columns": ["a", "b"], "calibrator": {"kind": "platt", "a": 0.9123456, "b": -0.1}, "calibrated_by": "platt: told",
    "frame_digest": "f" * 64, "spec_digest": "5" * 64,
}
VERDICT = Verdict(False, (Check("floor_auc", 0.5, 0.6, False, "auc is | low"),), ("auc is | low",))


@pytest.fixture(scope="module")
def evaluation():
    random = np.random.default_rng(1)
    p = random.beta(1, 6, size=900)
    label = (random.random(900) < p).astype(float)
    return Evaluation(
        design="out_of_time", rows=900, positives=int(label.sum()), metrics=classification(label, p),
        baselines={"constant": classification(label, np.full(900, 0.1))}, reliability=tuple(deciles(label, p)),
        slices={"test": {"cutoffs": ["2026-03-08"], "rows": 900, "positives": 90}}, notes=("out of time",),
        intervals=intervals(label, p, np.arange(900), rounds=20, seed=1),
        segments=({"slice": "operator", "value": "<bravo>", "rows": 400, "positives": 40, "observed": 0.1,
                   "predicted": 0.2, "auc": 0.5, "auc_low": math.nan, "auc_high": math.nan},),
    )


def test_the_card_has_purpose_limits_intervals_tenths_segments_and_the_gates_words(evaluation):
    text = card(SPEC, FACTS, evaluation, VERDICT)
    assert "Gate: **refused**" in text
    assert SPEC.intended_use in text
    assert all(limit in text for limit in SPEC.limits)
    low, high = evaluation.intervals["auc"]
    assert f"| auc | {evaluation.metrics['auc']:.4f} | {low:.4f} to {high:.4f} | 0.5000 |" in text
    assert "captured from here up" in text
    assert "| operator | <bravo> | 400 | 40 | 0.1000 | 0.2000 | 0.5000 | unknown |" in text
    assert "platt, a = 0.9123, b = -0.1000" in text


def test_the_page_draws_three_pictures_and_takes_nothing_as_markup(evaluation):
    markdown = card(SPEC, FACTS, evaluation, VERDICT)
    shown = page(SPEC, markdown, evaluation)
    assert shown.count("<svg") == 3
    assert "<bravo>" not in shown
    assert "&lt;bravo&gt;" in shown
    assert "http" not in shown.replace("http-equiv", "").replace("http://www.w3.org", "") \
        .replace("http://purl.org", "").replace("http://creativecommons.org", "")
    for part in shown.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")


def test_the_same_training_gives_the_same_bytes(evaluation):
    markdown = card(SPEC, FACTS, evaluation, VERDICT)
    assert page(SPEC, markdown, evaluation) == page(SPEC, markdown, evaluation)


def test_a_formula_without_tenths_has_a_page_without_pictures():
    bare = Evaluation(design="formula", rows=9, positives=0, metrics={"rmse": 1.0}, baselines={})
    markdown = card(SPEC, {**FACTS, "calibrator": {"kind": "identity"}}, bare, VERDICT)
    shown = page(SPEC, markdown, bare)
    assert "<svg" not in shown
    assert "Tenths" not in shown
