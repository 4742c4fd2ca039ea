"""Beside the champion: when a refresh is due, whose slice was harmed, how calibration and the label's rate compare."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from pipelines import gate
from pipelines.gate import Case, Check, Comparison, Evaluation, SliceGain, Speed, Verdict
from pipelines.models import SPECS

GATE = SPECS["churn"].gate
NAN = float("nan")
GOOD = Evaluation(
    design="out_of_time", rows=5000, positives=300,
    metrics={"auc": 0.80, "ece": 0.01, "log_loss": 0.20, "calibration_slope": 1.0, "calibration_ratio": 1.0},
    baselines={"constant": {"auc": 0.5, "log_loss": 0.25}, "logistic": {"auc": 0.78, "log_loss": 0.21}},
    alone={"price_eur": 0.61}, rows_without_consent=0, rows_outside_region=0,
)
BETTER = Comparison(
    champion=3, age_days=30, rows=4000, metric="auc", gain=0.02, lower=0.005, standing={"auc": 0.78, "ece": 0.01},
    slices=(SliceGain("operator", "alpha", 2500, 0.02, 0.01),), calibration_gain=0.0, calibration_upper=0.002,
    label_means=(0.05, 0.05),
)
QUICK = Speed(200_000.0, 0.004, 1.1, 0.9)


def failed(champion: Comparison | None, speed: Speed | None = QUICK) -> set[str]:
    verdict = gate.decide(Case(GOOD, champion, speed), GATE)
    assert all(check.sentence for check in verdict.checks)
    return {check.name for check in verdict.checks if not check.passed}


def reasons(champion: Comparison) -> str:
    return "; ".join(gate.decide(Case(GOOD, champion, QUICK), GATE).reasons)


def parts(*gains: tuple[float, float]) -> tuple[SliceGain, ...]:
    return tuple(SliceGain("region", f"r{place}", 1000, gain, error) for place, (gain, error) in enumerate(gains))


def test_a_champion_below_its_floor_may_be_refreshed_before_its_age():
    worn = replace(BETTER, gain=0.0, lower=-0.009, standing={"auc": 0.599, "ece": 0.01})
    assert not failed(worn)
    sentence = next(c.sentence for c in gate.decide(Case(GOOD, worn, QUICK), GATE).checks if c.name == "champion")
    assert "refresh: the champion's auc is 0.5990 on these rows, its floor 0.6" in sentence
    assert failed(replace(worn, lower=-0.011)) == {"champion"}
    assert failed(replace(worn, standing={"auc": 0.60, "ece": 0.01})) == {"champion"}
    assert not failed(replace(worn, standing={"auc": 0.70, "ece": 0.051}))


def test_a_figure_of_the_champion_that_is_unknown_makes_nothing_easier():
    for standing in ({}, {"auc": NAN, "ece": NAN}):
        assert failed(replace(BETTER, gain=0.0, lower=-0.009, standing=standing)) == {"champion"}


def test_F45_a_slice_that_is_clearly_worse_refuses_and_is_named():
    harmed = replace(BETTER, slices=parts((0.03, 0.01), (-0.05, 0.01), (0.0, 0.01)))
    assert failed(harmed) == {"slices"}
    assert "region r1 (-0.0500 on 1000 rows)" in reasons(harmed)
    assert "r0" not in reasons(harmed)


@pytest.mark.parametrize(("gains", "refused"), [
    ([(-0.019, 0.002)], False),                       # certain, but within the limit
    ([(-0.05, 0.04)], False),                         # beyond the limit, but it may be chance
    ([(-0.05, 0.025)], True),                         # two standard errors of the only slice
    ([(-0.05, 0.025), *[(0.01, 0.02)] * 9], False),   # ... of one in ten: Holm
    ([(-0.05, 0.015), *[(0.01, 0.02)] * 9], True),
    ([(-0.10, 0.02), (-0.05, 0.025)], True),          # step down: the second is asked at the level of one
    ([(-0.05, 0.0)], True),
    ([(0.0, 0.0)], False),
    ([], False),
])
def test_F45_a_loss_counts_when_it_is_beyond_the_limit_and_no_chance_among_so_many(gains, refused):
    assert (failed(replace(BETTER, slices=parts(*gains))) == {"slices"}) is refused


def test_F45_slices_nobody_measured_or_whose_gain_is_unknown_refuse():
    assert failed(replace(BETTER, slices=None)) == {"slices"}
    assert failed(replace(BETTER, slices=parts((0.01, NAN), (0.02, 0.01)))) == {"slices"}
    assert "unknown in region r0" in reasons(replace(BETTER, slices=parts((0.01, NAN), (0.02, 0.01))))
    assert failed(replace(BETTER, slices=parts((NAN, 0.01)))) == {"slices"}


def test_F45_thirty_slices_without_harm_are_refused_no_more_often_than_stated():
    random, gains = np.random.default_rng(45), []
    for _ in range(1000):
        noise = random.normal(0, 0.02, 30)
        gains.append(bool(failed(replace(BETTER, slices=parts(*((float(one), 0.02) for one in noise))))))
    assert 0.01 < np.mean(gains) <= GATE.slice_error + 0.015


@pytest.mark.parametrize(("gain", "upper", "refused"), [
    (-0.006, -0.0001, True), (-0.006, 0.0001, False), (-0.0049, -0.001, False), (0.01, 0.02, False),
    (NAN, 0.001, True), (-0.001, NAN, True),
])
def test_a_calibration_clearly_worse_than_the_champions_refuses(gain, upper, refused):
    champion = replace(BETTER, calibration_gain=gain, calibration_upper=upper)
    assert (failed(champion) == {"calibration_champion"}) is refused


@pytest.mark.parametrize(("metric", "value"), [
    ("calibration_slope", 0.59), ("calibration_slope", 1.61), ("calibration_ratio", 0.64), ("calibration_ratio", 1.51),
])
def test_probabilities_that_are_off_as_a_whole_refuse_without_a_champion_too(metric, value):
    broken = replace(GOOD, metrics={**GOOD.metrics, metric: value})
    verdict = gate.decide(Case(broken, None, QUICK), GATE)
    assert [check.name for check in verdict.checks if not check.passed] == [metric]


@pytest.mark.parametrize(("means", "refused"), [
    ((0.075, 0.05), False), ((0.0751, 0.05), True), ((0.0334, 0.05), False), ((0.033, 0.05), True),
    ((NAN, 0.05), True), ((0.05, NAN), True), ((0.05, 0.0), True), ((0.0, 0.05), True),
])
def test_S21_labels_that_jump_between_two_frames_refuse(means, refused):
    assert (failed(replace(BETTER, label_means=means)) == {"label_rate"}) is refused
    if refused:
        assert "poisoned or wrongly computed labels" in reasons(replace(BETTER, label_means=means))


def test_S21_the_labels_are_asked_of_also_where_nothing_can_be_compared():
    nothing = Comparison(3, 30, 0, "auc", NAN, NAN, "no cut-off yet", label_means=(0.2, 0.05))
    assert failed(nothing) == {"champion", "label_rate"}


@pytest.mark.parametrize(("speed", "names"), [
    (None, {"speed_batch", "speed_row", "speed_batch_champion", "speed_row_champion"}),
    (replace(QUICK, rows_per_second=9_999.0), {"speed_batch"}),
    (replace(QUICK, rows_per_second=float("inf")), {"speed_batch"}),
    (replace(QUICK, row_seconds=0.251), {"speed_row"}),
    (replace(QUICK, row_seconds=0.0), {"speed_row"}),
    (replace(QUICK, batch_slowdown=3.01), {"speed_batch_champion"}),
    (replace(QUICK, row_slowdown=3.01), {"speed_row_champion"}),
    (replace(QUICK, row_slowdown=None), {"speed_row_champion"}),
    (Speed(NAN, NAN, NAN, NAN), {"speed_batch", "speed_row", "speed_batch_champion", "speed_row_champion"}),
])
@pytest.mark.mlts("O6")
def test_what_is_too_slow_or_was_not_measured_refuses(speed, names):
    assert failed(BETTER, speed) == names


@pytest.mark.mlts("O6")
def test_a_refusal_for_slowness_tells_what_was_measured():
    (reason,) = gate.decide(Case(GOOD, BETTER, replace(QUICK, batch_slowdown=4.2)), GATE).reasons
    assert "at most 3 times as long as champion v3 may a batch take; 4.20 times were measured" in reason


def test_two_machines_that_are_fast_enough_give_the_same_verdict_to_the_byte():
    one, other = (gate.decide(Case(GOOD, BETTER, speed), GATE) for speed in (QUICK, Speed(50_000.0, 0.02, 0.7, 1.9)))
    assert json.dumps(one.as_dict()) == json.dumps(other.as_dict())


@pytest.mark.parametrize("name", ["lower", "calibration_gain", "calibration_upper", "slices", "label_means"])
def test_nothing_that_a_comparison_lacks_is_a_pass(name):
    lacking = {one.name: one.default for one in fields(Comparison) if one.name == name}
    value = NAN if name == "lower" else lacking[name]
    assert failed(replace(BETTER, **{name: value}))


def test_a_further_question_is_one_more_line_of_the_order(monkeypatch):
    def consent(case, bounds):
        yield Check("consent", 0.0, 1.0, False, "nobody asked the subscribers")

    monkeypatch.setattr(gate, "ORDER", (*gate.ORDER, consent))
    verdict = gate.decide(Case(GOOD, BETTER, QUICK), GATE)
    assert verdict.checks[-1].name == "consent"
    assert verdict.reasons == ("nobody asked the subscribers",)


def test_a_verdict_of_an_older_gate_still_loads():
    old = {"passed": True, "reasons": [], "checks": [
        {"name": "enough_rows", "value": 4190.0, "bound": 500.0, "passed": True, "sentence": "judged on 4190 rows"},
        {"name": "champion", "value": None, "bound": None, "passed": True, "sentence": "no champion in force"},
    ]}
    loaded = Verdict.of(old)
    assert loaded.passed
    assert [check.name for check in loaded.checks] == ["enough_rows", "champion"]
