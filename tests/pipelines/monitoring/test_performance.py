"""Matured labels against what was said: noise of few leavers is no alarm, a law that changed is."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pipelines.gate.classification import classification
from pipelines.monitoring.estimate import expected_auc, out_of_range
from pipelines.monitoring.measure import Measure, Status
from pipelines.monitoring.performance import MIN_POSITIVES, Truth, probability, value

CUTOFF = date(2026, 8, 1)
Floats = npt.NDArray[np.float64]


def people(rows: int, seed: int, shift: float = 0.0) -> tuple[Floats, Floats]:
    """Calibrated probabilities of about 3 % and who left; `shift` moves the law's log-odds, not what was said."""
    draw = np.random.default_rng(seed)
    odds = draw.normal(-4.2, 1.2, rows)
    left = draw.random(rows) < 1 / (1 + np.exp(-(odds + shift)))
    return 1 / (1 + np.exp(-odds)), left.astype(np.float64)


@pytest.fixture(scope="module")
def own() -> dict[str, float]:
    said, came = people(200_000, seed=1)
    found = classification(came, said)
    return {**found, "auc_error": 0.01, "lift_error": 0.2}


def measured(own: dict[str, float], rows: int, seed: int, shift: float = 0.0) -> dict[str, Measure]:
    return {each.name: each for each in probability(Truth(CUTOFF, *people(rows, seed, shift)), own)}


def test_sixty_quiet_nights_of_few_leavers_alarm_at_most_once(own: dict[str, float]) -> None:
    nights = [measured(own, 3_000, seed) for seed in range(60)]
    alarms = [name for night in nights for name, each in night.items() if each.status is Status.ALARM]
    assert len(alarms) <= 1, alarms
    assert all(each.bound is not None for night in nights for each in night.values())


@pytest.mark.mlts("O7")
def test_twice_as_many_leavers_as_predicted_is_an_alarm_of_calibration(own: dict[str, float]) -> None:
    found = measured(own, 20_000, seed=5, shift=0.92)
    assert found["calibration"].status is Status.ALARM
    assert "were predicted" in found["calibration"].detail
    assert found["auc_loss"].status is Status.OK


@pytest.mark.mlts("O7")
def test_scores_that_no_longer_rank_are_an_alarm_of_the_auc(own: dict[str, float]) -> None:
    said, came = people(20_000, seed=6)
    dealt = np.random.default_rng(0).permutation(said)
    found = {each.name: each for each in probability(Truth(CUTOFF, dealt, came), own)}
    assert found["auc_loss"].status is found["lift_loss"].status is Status.ALARM
    assert found["calibration"].status is Status.OK


def test_too_few_leavers_are_shown_and_decide_nothing(own: dict[str, float]) -> None:
    said, came = people(20_000, seed=7, shift=1.5)
    few = np.flatnonzero(came)[: MIN_POSITIVES - 1]
    kept = np.r_[few, np.flatnonzero(came == 0)[:200]]
    for each in probability(Truth(CUTOFF, said[kept], came[kept]), own):
        assert each.bound is None
        assert each.status is Status.OK
        assert "decide nothing" in each.detail


@pytest.mark.parametrize("came", [np.zeros(0), np.zeros(50), np.ones(50)], ids=["nobody", "no leaver", "all left"])
def test_one_class_or_nobody_is_no_alarm_and_no_number(own: dict[str, float], came: Any) -> None:
    found = {each.name: each for each in probability(Truth(CUTOFF, np.full(len(came), 0.1), came), own)}
    assert found["auc_loss"].value is None
    assert not any(each.status is Status.ALARM for each in found.values())


@pytest.mark.mlts("O7")
def test_a_margin_that_did_not_come_is_an_alarm_and_noise_is_not() -> None:
    draw = np.random.default_rng(3)
    said = draw.gamma(4, 10, 5_000)
    came = said + draw.normal(0, 25, 5_000)
    assert value(Truth(CUTOFF, said, came), {})[0].status is Status.OK
    assert value(Truth(CUTOFF, said, 0.7 * came), {})[0].status is Status.ALARM


def test_the_expected_auc_of_calibrated_probabilities_is_the_one_that_comes() -> None:
    said, came = people(200_000, seed=8)
    assert expected_auc(said) == pytest.approx(classification(came, said)["auc"], abs=0.01)


def test_a_unit_error_is_out_of_the_training_range_and_a_little_more_is_not() -> None:
    trained = {"data_mb_30d": (0.0, 40_000.0), "price_eur": (5.0, 90.0)}
    assert out_of_range(trained, {"data_mb_30d": (0.0, 4e7), "price_eur": (5.0, 120.0)}) == [
        "data_mb_30d is 0 to 4e+07 tonight, 0 to 40000 in training"]
    assert not out_of_range(trained, {"data_mb_30d": (0.0, 60_000.0)})
