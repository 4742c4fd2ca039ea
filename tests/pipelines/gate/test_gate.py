"""The gate says yes only to what it knows, and says why not in a sentence."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.gate import Case, Comparison, Evaluation, SliceGain, Speed, Verdict, at_least
from pipelines.gate import decide as judged
from pipelines.models import SPECS
from pipelines.models.spec import FirstChampion

GATE = SPECS["churn"].gate
NAN, INF = float("nan"), float("inf")
GOOD = Evaluation(
    design="out_of_time", rows=5000, positives=300,
    metrics={"auc": 0.80, "pr_auc": 0.4, "brier": 0.05, "ece": 0.01, "log_loss": 0.20, "lift_at_10": 4.0,
             "calibration_slope": 1.05, "calibration_ratio": 0.97},
    baselines={
        "constant": {"auc": 0.5, "log_loss": 0.25},
        "logistic": {"auc": 0.78, "log_loss": 0.21},
    },
    alone={"price_eur": 0.61, "tenure_days": 0.66}, rows_without_consent=0, rows_outside_region=0,
)
BETTER = Comparison(
    champion=3, age_days=30, rows=4000, metric="auc", gain=0.02, lower=0.005, standing={"auc": 0.78, "ece": 0.012},
    slices=(SliceGain("operator", "alpha", 2500, 0.02, 0.01), SliceGain("operator", "bravo", 1500, -0.01, 0.01)),
    calibration_gain=0.002, calibration_upper=0.004, label_means=(0.050, 0.048),
)
QUICK = Speed(rows_per_second=200_000.0, row_seconds=0.004, batch_slowdown=1.1, row_slowdown=0.9)


def decide(evaluation, champion, gate, speed=QUICK):
    return judged(Case(evaluation, champion, speed), gate)


def with_metric(name: str, value: float) -> Evaluation:
    return replace(GOOD, metrics={**GOOD.metrics, name: value})


def failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.passed}


@pytest.mark.mlts("I4")
def test_a_good_candidate_better_than_the_champion_passes():
    verdict = decide(GOOD, BETTER, GATE)
    assert verdict.passed
    assert verdict.reasons == ()
    assert [check.name for check in verdict.checks] == [
        "enough_rows", "enough_positives", "finite", "leakage", "floor_auc", "floor_ece", "baseline_constant",
        "baseline_logistic", "champion", "slices", "calibration_slope", "calibration_slope", "calibration_ratio",
        "calibration_ratio", "calibration_champion", "label_rate", "speed_batch", "speed_row", "speed_batch_champion",
        "speed_row_champion", "consent_and_region",
    ]


@pytest.mark.parametrize(("evidence", "says"), [
    ({"rows_without_consent": 1}, "1 rows of subscribers without consent, 0 of another region"),
    ({"rows_outside_region": 2}, "0 rows of subscribers without consent, 2 of another region"),
    ({"rows_without_consent": None}, "was not counted"), ({"rows_outside_region": None}, "was not counted"),
])
def test_a_row_nobody_may_train_with_refuses_and_so_does_not_knowing(evidence, says):
    for kind in ("out_of_time", "formula"):
        verdict = decide(replace(GOOD, design=kind, **evidence), BETTER, GATE)
        assert failed(verdict) == {"consent_and_region"}
        assert says in verdict.reasons[0]


@pytest.mark.mlts("O5")
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("metric", sorted(GOOD.metrics))
def test_a_metric_that_is_not_finite_never_passes(metric, value):
    verdict = decide(with_metric(metric, value), BETTER, GATE)
    assert not verdict.passed
    assert "finite" in failed(verdict)
    assert any("not finite" in reason and metric in reason for reason in verdict.reasons)


@pytest.mark.parametrize(("metric", "check"), [("auc", "floor_auc"), ("ece", "floor_ece"), ("auc", "baseline_logistic"),
                                              ("log_loss", "baseline_constant")])
def test_an_unknown_metric_fails_its_own_bound_too_not_only_the_finite_check(metric, check):
    assert check in failed(decide(with_metric(metric, NAN), BETTER, GATE))
    missing = {name: value for name, value in GOOD.metrics.items() if name != metric}
    assert check in failed(decide(replace(GOOD, metrics=missing), BETTER, GATE))


@pytest.mark.parametrize("rival", ["constant", "logistic"])
def test_a_baseline_that_could_not_be_measured_is_not_beaten(rival):
    baselines = {**GOOD.baselines, rival: {"auc": NAN, "log_loss": NAN}}
    assert failed(decide(replace(GOOD, baselines=baselines), BETTER, GATE)) == {"finite", f"baseline_{rival}"}
    absent = {name: figures for name, figures in GOOD.baselines.items() if name != rival}
    assert failed(decide(replace(GOOD, baselines=absent), BETTER, GATE)) == {f"baseline_{rival}"}


def test_no_metric_at_all_is_refused():
    assert "finite" in failed(decide(replace(GOOD, metrics={}, baselines={}), BETTER, GATE))


def test_at_least_asks_for_a_known_value_first():
    assert at_least(0.6, 0.6)
    assert not at_least(0.59, 0.6)
    assert not at_least(NAN, 0.6)
    assert not at_least(INF, 0.6)


@pytest.mark.parametrize(("change", "check"), [
    ({"rows": GATE.min_rows - 1}, "enough_rows"), ({"positives": GATE.min_positives - 1}, "enough_positives"),
])
def test_too_thin_a_test_slice_is_refused(change, check):
    assert failed(decide(replace(GOOD, **change), BETTER, GATE)) == {check}


@pytest.mark.mlts("I4")
def test_each_floor_refuses_what_is_on_its_wrong_side_and_takes_what_is_on_it():
    assert failed(decide(with_metric("ece", 0.0501), BETTER, GATE)) == {"floor_ece"}
    assert decide(with_metric("ece", 0.05), BETTER, GATE).passed
    weak = replace(with_metric("auc", 0.599), baselines={**GOOD.baselines, "logistic": {"auc": 0.55, "log_loss": 0.3}})
    assert failed(decide(weak, BETTER, GATE)) == {"floor_auc"}


@pytest.mark.mlts("M5")
def test_a_model_no_better_than_the_base_rate_is_refused():
    verdict = decide(with_metric("log_loss", 0.25), BETTER, GATE)
    assert failed(verdict) == {"baseline_constant"}
    assert "constant baseline" in verdict.reasons[0]


@pytest.mark.mlts("M5")
def test_a_model_may_lose_a_little_to_the_logistic_but_not_more():
    assert decide(with_metric("auc", 0.7701), BETTER, GATE).passed
    assert failed(decide(with_metric("auc", 0.7699), BETTER, GATE)) == {"baseline_logistic"}


def test_the_first_champion_needs_every_other_check():
    assert decide(GOOD, None, GATE).passed
    champion = next(check for check in decide(GOOD, None, GATE).checks if check.name == "champion")
    assert "not applicable" in champion.sentence
    assert not decide(with_metric("auc", 0.55), None, GATE).passed
    assert failed(decide(GOOD, None, replace(GATE, first_champion=FirstChampion.BY_HAND))) == {"champion"}


@pytest.mark.parametrize("lower", [0.0, -0.001, NAN])
def test_a_challenger_that_is_not_clearly_better_is_refused(lower):
    verdict = decide(GOOD, replace(BETTER, lower=lower), GATE)
    assert failed(verdict) == {"champion"}
    assert "champion v3" in verdict.reasons[0]


@pytest.mark.mlts("O4")
def test_an_old_champion_may_be_refreshed_by_one_that_is_not_worse():
    old = replace(BETTER, age_days=GATE.refresh_after_days + 1, gain=0.0, lower=-0.009)
    assert decide(GOOD, old, GATE).passed
    assert failed(decide(GOOD, replace(old, lower=-0.011), GATE)) == {"champion"}
    assert failed(decide(GOOD, replace(old, age_days=GATE.refresh_after_days), GATE)) == {"champion"}
    assert failed(decide(GOOD, replace(old, lower=NAN), GATE)) == {"champion"}


def test_nothing_to_compare_on_is_a_refusal_with_its_reason_however_old_the_champion():
    nothing = Comparison(champion=3, age_days=4000, rows=0, metric="auc", gain=NAN, lower=NAN, why="no cut-off yet",
                         label_means=(0.05, 0.05))
    verdict = decide(GOOD, nothing, GATE)
    assert failed(verdict) == {"champion"}
    assert verdict.reasons == ("not comparable with champion v3: no cut-off yet",)


def test_a_verdict_survives_json_with_its_unknowns():
    verdict = decide(with_metric("auc", NAN), BETTER, GATE)
    text = json.dumps(verdict.as_dict(), allow_nan=False)
    assert Verdict.of(json.loads(text)).reasons == verdict.reasons
    stored = json.loads(json.dumps(with_metric("auc", NAN).as_dict(), allow_nan=False))
    assert not decide(Evaluation.of(stored), BETTER, GATE).passed


def test_the_gate_reads_no_file_no_registry_and_no_clock():
    import pipelines.gate

    modules = sorted(Path(pipelines.gate.__file__).parent.glob("*.py"))
    assert len(modules) >= 4
    allowed = {
        "__future__", "collections", "dataclasses", "math", "numpy", "typing",
        "pipelines.gate", "pipelines.models.spec",
    }
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )
            for name in names:
                assert any(name == good or name.startswith(f"{good}.") for good in allowed), f"{module.name}: {name}"
            assert not (isinstance(node, ast.Name) and node.id == "open"), module.name


@pytest.mark.parametrize("auc", [0.901, 1.0, NAN])
def test_F46_a_feature_that_is_the_label_in_disguise_is_refused_by_name(auc):
    verdict = decide(replace(GOOD, alone={**GOOD.alone, "satisfaction": auc}), BETTER, GATE)
    assert failed(verdict) == {"leakage"}
    assert "satisfaction" in verdict.reasons[0]
    assert "price_eur" not in verdict.reasons[0]


def test_F46_a_classifier_whose_features_nobody_looked_at_is_refused_and_a_formula_has_none():
    assert failed(decide(replace(GOOD, alone={}), BETTER, GATE)) == {"leakage"}
    assert "leakage" not in failed(decide(replace(GOOD, alone={}, design="formula"), BETTER, GATE))


def test_what_was_measured_alone_survives_the_way_through_json():
    there = replace(GOOD, alone={"price_eur": 0.61, "broken": NAN})
    back = Evaluation.of(json.loads(json.dumps(there.as_dict())))
    assert back.alone["price_eur"] == 0.61
    assert back.alone["broken"] != back.alone["broken"]
