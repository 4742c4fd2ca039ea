"""F48: a label whose window is still open at T is never trained on, even when somebody published one."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines import training
from pipelines.errors import NotEnoughData
from pipelines.models import SPECS

HELPER = Path(__file__).parents[1] / "pipelines" / "training" / "frames.py"


class Read(Exception):
    """Ends a training where its frame is read: what comes after costs seconds and is not the thing under test."""


@pytest.fixture(scope="module")
def frames():
    spec = importlib.util.spec_from_file_location("f48_frames", HELPER)
    module = importlib.util.module_from_spec(spec)
    sys.modules["f48_frames"] = module
    spec.loader.exec_module(module)
    return module


def cutoffs_asked_for(model: str, as_of: date, monkeypatch) -> list[date]:
    """The cut-offs of the label rows that a training at as_of joins features to."""
    asked: list[pd.DataFrame] = []

    def stop(service, rows):
        asked.append(rows)
        raise Read

    monkeypatch.setattr("pipelines.features.training_frame", stop)
    with pytest.raises(Read):
        training.train(model, as_of)
    return sorted({stamp.date() for stamp in asked[0]["event_timestamp"]})


@pytest.mark.parametrize("short_by", [0, 1, 6, 7])
def test_F48_a_published_label_whose_window_is_open_stays_out_of_the_frame(frames, home, monkeypatch, short_by):
    grid = frames.grid(8)
    frames.build(monkeypatch, home, grid, count=600)  # labels and features of all eight lie there, published
    spec = SPECS["churn"]
    as_of = spec.known_on(grid[5]) - timedelta(days=short_by)
    asked = cutoffs_asked_for("churn", as_of, monkeypatch)
    assert asked == [cutoff for cutoff in grid if cutoff + timedelta(days=37) <= as_of]
    assert len(asked) == {0: 6, 1: 5, 6: 5, 7: 5}[short_by]


def test_F48_a_day_before_the_first_label_matures_there_is_nothing_to_train_on(frames, home, monkeypatch):
    frames.build(monkeypatch, home, frames.grid(3), count=600)
    with pytest.raises(NotEnoughData, match="no cut-off matured: the first is 2026-01-30, whose label is known"):
        training.train("churn", frames.START + timedelta(days=36))
