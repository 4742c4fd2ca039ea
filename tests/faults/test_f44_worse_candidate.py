"""F44: a candidate that is worse, or better only by luck, is not promoted; the champion stays and why is told."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, ModuleType

import numpy as np
import pandas as pd
import pytest

from pipelines import champions, promotion, tracking, training
from pipelines.gate import Comparison, Speed
from pipelines.models import SPECS
from pipelines.settings import settings
from pipelines.training import judgement

CHURN = SPECS["churn"]
NAN = float("nan")
QUICK = Speed(100_000.0, 0.01, 1.0, 1.0)


def scored(gain: float, *, rows: int = 30_000, seed: int = 45) -> Comparison:
    """Champion and candidate of known AUC (binormal) beside each other, as a training compares them."""
    random = np.random.default_rng(seed)
    label, shared = random.random(rows) < 0.05, random.normal(size=rows)
    apart = np.sqrt(2) * np.array([0.6745, 0.6745 + gain / 0.318])  # AUC .75; .318 is the normal density there
    frame = pd.DataFrame({"subscriber_id": [f"s{number // 3}" for number in range(rows)], "is_churned": label,
                          "event_timestamp": pd.Timestamp("2026-03-01"), "contract_type": "month"})
    theirs, ours = shared + label * apart[0], 0.9 * shared + 0.436 * random.normal(size=rows) + label * apart[1]
    told = [1 / (1 + np.exp(-(mean * score - mean**2 / 2 - 2.944))) for mean, score in zip(apart, (theirs, ours),
                                                                                          strict=True)]
    found = Comparison(1, 30, rows, "auc", NAN, NAN, label_means=(0.05, 0.05))
    return replace(found, **judgement.beside(replace(CHURN, slices=()), frame, told[1], told[0]))


@pytest.mark.mlts("I4")
def test_F44_truly_worse_and_no_better_are_refused_and_truly_better_is_not(home: Path) -> None:
    from pipelines.gate import Case, relative

    passed = {gain: next(relative.champion(Case(None, scored(gain)), CHURN.gate)) for gain in (-0.02, 0.0, 0.03)}
    assert [check.passed for check in passed.values()] == [False, False, True]
    assert passed[0.03].value > CHURN.gate.superiority
    assert "superiority: the bound must be above 0.003" in passed[-0.02].sentence


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The small training world, with its champion in force."""
    path = Path(__file__).parents[1] / "pipelines" / "training" / "frames.py"
    spec = importlib.util.spec_from_file_location("training_frames", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "training_frames", module)
    spec.loader.exec_module(module)
    quick = replace(CHURN, parameters=MappingProxyType({**CHURN.parameters, "max_rounds": 40}), slices=(),
                    split=replace(CHURN.split, interval_rounds=5), gate=replace(CHURN.gate, bootstrap_rounds=100))
    monkeypatch.setitem(SPECS, "churn", quick)
    module.build(monkeypatch, home, module.grid(24), count=500)
    first = module.grid(12)[-1] + timedelta(days=37)
    assert training.train("churn", first).verdict.passed
    promotion.promote("churn", first)
    return module


def test_F44_a_worse_training_leaves_champion_scores_and_aliases_and_exits_with_the_reason(
    world: ModuleType, home: Path, telco: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = MappingProxyType({**SPECS["churn"].parameters, "max_rounds": 1, "max_depth": 1})
    monkeypatch.setitem(SPECS, "churn", replace(SPECS["churn"], parameters=poor))
    (home / "scores" / "churn").mkdir(parents=True)
    (home / "scores" / "churn" / "night").write_bytes(b"as it was")
    before = champions.log_of("churn").read_bytes()
    code, _, said = telco("train", "churn", "--as-of", str(world.grid(24)[-1] + timedelta(days=37)))
    assert code == 3
    assert "gain over champion v1" in said
    assert champions.log_of("churn").read_bytes() == before
    assert (home / "scores" / "churn" / "night").read_bytes() == b"as it was"
    assert tracking.version_by_alias("telco_churn", "champion").version == 1
    assert tracking.version_by_alias("telco_churn", "challenger") is None
    refused = tracking.versions("telco_churn")[-1]
    assert (refused.version, refused.tags["verdict"]) == (2, "refused")
    assert "gain over champion v1" in refused.tags["reasons"]
    assert promotion.promote("churn", world.grid(24)[-1] + timedelta(days=37)) is None
    shutil.rmtree(settings().mlflow, ignore_errors=True)
