"""F47: all one class, too few positives, NaN labels, 0 rows: training is refused with a named reason, before any fit.

XGBoost itself fits each of them without a word.
"""

from __future__ import annotations

import importlib.util
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines import training
from pipelines.errors import NotEnoughData

HELPER = Path(__file__).parents[1] / "pipelines" / "training" / "frames.py"


@pytest.fixture(scope="module")
def frames():
    spec = importlib.util.spec_from_file_location("f47_frames", HELPER)
    module = importlib.util.module_from_spec(spec)
    sys.modules["f47_frames"] = module
    spec.loader.exec_module(module)
    return module


def labelled(change):
    def damage(frame):
        return frame.assign(is_churned=change(frame))

    return damage


def one_is_unknown(frame):
    label = frame["is_churned"].astype(object)
    label.iloc[3] = None
    return label


FIXTURES = {
    "one class": labelled(lambda frame: False),
    "too few positives": labelled(lambda frame: frame.index < 9),
    "unknown labels": labelled(one_is_unknown),
    "no rows": lambda frame: frame.iloc[:0],
}


@pytest.mark.mlts("I2")
@pytest.mark.parametrize("reason", FIXTURES)
def test_F47_training_is_refused_with_a_named_reason(reason, home, monkeypatch, frames):
    world = frames.build(monkeypatch, home, frames.grid(2), count=600, labels=FIXTURES[reason])

    with pytest.raises(NotEnoughData, match=f"{reason}: ") as held:
        training.train("churn", frames.grid(2)[-1] + timedelta(days=37))

    assert held.value.exit_code == 3
    assert len(held.value.reasons) == 1
    assert world.reads == 0  # refused before a feature was read
    assert not (home / "models").exists()
    assert not (home / "mlflow").exists()


def test_F47_all_leavers_is_one_class_too(home, monkeypatch, frames):
    frames.build(monkeypatch, home, frames.grid(1), count=600, labels=labelled(lambda frame: True))
    with pytest.raises(NotEnoughData, match="one class: all 600 labels are True"):
        training.train("churn", frames.START + timedelta(days=37))


def test_F47_too_few_rows_are_refused_even_with_enough_leavers(home, monkeypatch, frames):
    frames.build(monkeypatch, home, frames.grid(1), count=400, labels=labelled(lambda frame: frame.index % 4 == 0))
    with pytest.raises(NotEnoughData, match="too few rows: 400, at least 500"):
        training.train("churn", frames.START + timedelta(days=37))


def test_F47_a_slice_too_thin_to_judge_on_is_named(home, monkeypatch, frames):
    cutoffs = frames.grid(12)

    def quiet_at_the_end(frame):
        is_last = frame["event_timestamp"].dt.date == cutoffs[-1]
        return frame.assign(is_churned=(frame.index % 10 == 0) & ~is_last)

    frames.build(monkeypatch, home, cutoffs, count=300, labels=quiet_at_the_end)
    # The registry is not the thing under test: it has never seen this training.
    monkeypatch.setattr("pipelines.tracking.find", lambda name, identity: None)
    with pytest.raises(NotEnoughData, match="too few positives: slice test has 0 in 300 rows"):
        training.train("churn", cutoffs[-1] + timedelta(days=37))
