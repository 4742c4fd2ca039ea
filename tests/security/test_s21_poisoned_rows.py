"""S21: whoever writes rows into a feed moves the model little, or the gate and the door refuse."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, ModuleType

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle as bundles
from pipelines.gate import Case, Comparison, metrics, relative
from pipelines.models import SPECS
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.training import frames as training_rows
from pipelines.training import recipe

TESTS = Path(__file__).parents[1]
CHURN = SPECS["churn"]
QUICK = replace(CHURN, parameters=MappingProxyType({**CHURN.parameters, "max_rounds": 60}))
CUTOFFS = 24
SHIFT = 0.01  # AUC points / 100 that a poisoning which passes may cost


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def world() -> tuple[ModuleType, pd.DataFrame, pd.DataFrame]:
    """The small training world: rows that are learned from, and clean later ones."""
    frames = load("training_frames_s21", TESTS / "pipelines" / "training" / "frames.py")
    days = frames.grid(CUTOFFS)
    learned = pd.concat([frames.rows(day, 500) for day in days], ignore_index=True)
    later = pd.concat([frames.rows(days[-1] + timedelta(days=30 * place), 3000, seed=9) for place in (2, 3)],
                      ignore_index=True)
    return frames, learned, later


def auc(world: tuple[ModuleType, pd.DataFrame, pd.DataFrame], label: np.ndarray) -> float:
    """On the clean later rows, of the recipe fitted on these labels."""
    frames, learned, later = world
    part = learned.assign(is_churned=label.astype(bool))
    categories = bundles.learn_categories(part, frames.COLUMNS)
    booster = recipe.refit(QUICK, recipe.encode(part, QUICK, frames.COLUMNS, categories), 60)
    matrix = bundles.dmatrix(np.asarray(bundles.encode(later, frames.COLUMNS, categories)), frames.COLUMNS)
    return metrics.auc(later["is_churned"].to_numpy(), booster.predict(matrix))


def is_refused(clean: np.ndarray, poisoned: np.ndarray) -> bool:
    """By the band of the label's rate, the champion being one fitted on clean labels."""
    means = (float(poisoned.mean()), float(clean.mean()))
    case = Case(None, Comparison(1, 30, 1, "auc", 0.0, 0.0, label_means=means))  # type: ignore[arg-type]
    return not next(relative.label_rate(case, CHURN.gate)).passed


def test_S21_one_label_in_a_hundred_turned_round_moves_the_rank_order_less_than_stated(world, home: Path) -> None:
    clean = world[1]["is_churned"].to_numpy(dtype=float)
    turned = np.random.default_rng(21).random(len(clean)) < 0.01
    shift = auc(world, clean) - auc(world, np.where(turned, 1 - clean, clean))
    assert abs(shift) < SHIFT


def test_S21_a_drop_that_turns_a_whole_cut_off_round_is_refused_or_moves_little(world, home: Path) -> None:
    clean = world[1]["is_churned"].to_numpy(dtype=float)
    days = world[1]["event_timestamp"].to_numpy()
    for day in np.unique(days)[[0, CUTOFFS // 2, -1]]:
        poisoned = np.where(days == day, 1 - clean, clean)
        assert is_refused(clean, poisoned) or abs(auc(world, clean) - auc(world, poisoned)) < SHIFT


def test_S21_more_poison_than_that_is_refused_by_the_labels_rate(world) -> None:
    clean = world[1]["is_churned"].to_numpy(dtype=float)
    random = np.random.default_rng(22).random(len(clean))
    assert is_refused(clean, np.where(random < 0.10, 1 - clean, clean))
    assert is_refused(clean, np.where(random < 0.50, 0.0, clean))
    assert not is_refused(clean, clean)


@pytest.mark.parametrize("feed_id", ["billing_alpha.subscriptions", "billing_bravo.subscribers", "care.complaints"])
def test_S21_no_source_may_send_many_times_its_rows(feed_id: str, home: Path) -> None:
    from expectations import thresholds
    from pipelines import quality
    from pipelines.landing.contract import BY_ID

    made = load("door_frames_s21", TESTS / "expectations" / "door_frames.py")
    most = thresholds.VOLUME_REJECT[1]
    assert not quality.check_drop(BY_ID[feed_id], made.drops(feed_id, ratio=most)).rejected
    assert quality.check_drop(BY_ID[feed_id], made.drops(feed_id, ratio=most * 1.01)).rejected


def test_S21_no_frame_grows_beyond_its_cap_whatever_a_source_sends(home: Path) -> None:
    days = [pd.Timestamp("2026-01-02").date() + timedelta(days=7 * place) for place in range(8)]
    labels = Dataset(settings().labels / CHURN.label, ("as_of",))
    for day in days:
        labels.publish({"as_of": day.isoformat()}, lambda path: path.write_bytes(b"rows") * 100)
    small = replace(CHURN, split=replace(CHURN.split, max_rows=1700))
    kept = training_rows.thinned(small, days)
    assert len(kept) * 400 <= 1700 < (len(kept) + 1) * 400
    assert (kept[0], kept[-1]) == (days[0], days[-1])
