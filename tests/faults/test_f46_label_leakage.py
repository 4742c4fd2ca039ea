"""F46: nothing that happens, or becomes known, after a cut-off reaches the features of that cut-off.

Metamorphic: everything after the cut-off is shuffled, and late corrections of its past are added; not a value moves.
"""

from __future__ import annotations

import importlib.util
import shutil
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from pipelines import features
from pipelines.features import store
from pipelines.settings import settings

CUTOFF = date(2026, 1, 5)
LATER = [date(2026, 1, 6), date(2026, 1, 12)]
PEOPLE = 40


@pytest.fixture
def partitions(home: Path) -> ModuleType:
    path = Path(__file__).parents[1] / "pipelines" / "features" / "partitions.py"
    spec = importlib.util.spec_from_file_location("telco_partitions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.publish_world([CUTOFF, *LATER], PEOPLE, inactive=0)
    return module


def shuffle_what_came_later(partitions: ModuleType) -> None:
    """Other people's values on every later night, and beside them corrections of the cut-off that came a day late."""
    draw = np.random.default_rng(46)
    for night in LATER:
        for mart, columns in partitions.MARTS.items():
            order = draw.permutation(PEOPLE)
            shuffled = partitions.values(columns, PEOPLE, night).iloc[order].reset_index(drop=True)
            late = partitions.values(columns, PEOPLE, night).iloc[order[::-1]].reset_index(drop=True)
            rows = pd.concat([
                partitions.stamp(shuffled, partitions.ids(PEOPLE), night),
                partitions.stamp(late, partitions.ids(PEOPLE), CUTOFF, created=CUTOFF + timedelta(days=1)),
            ], ignore_index=True)
            root = settings().features / mart
            shutil.rmtree(root / f"as_of={night}")
            partitions.publish(root, night, rows, columns)


def asked(partitions: ModuleType) -> pd.DataFrame:
    return pd.DataFrame({"subscriber_id": partitions.ids(PEOPLE), "event_timestamp": pd.Timestamp(CUTOFF)})


def test_F46_shuffling_everything_after_the_cut_off_moves_no_feature(partitions: ModuleType) -> None:
    before = features.training_frame("churn_v1", asked(partitions))
    scored = features.scoring_frame("churn_v1", CUTOFF)
    shuffle_what_came_later(partitions)
    pd.testing.assert_frame_equal(features.training_frame("churn_v1", asked(partitions)), before)
    pd.testing.assert_frame_equal(features.scoring_frame("churn_v1", CUTOFF), scored)
    # The same shuffle does reach a reader that does not ask when a row became known.
    leaking = store.historical("churn_v1", asked(partitions), known_by_then=False)
    leaking = leaking.sort_values("subscriber_id", ignore_index=True)
    moved = [name for name in features.feature_columns("churn_v1") if not leaking[name].equals(before[name])]
    assert len(moved) > 40


def test_F46_a_later_night_itself_does_see_the_shuffle(partitions: ModuleType) -> None:
    """Otherwise the test above would pass on a shuffle that changed nothing."""
    later = asked(partitions).assign(event_timestamp=pd.Timestamp(LATER[1]))
    before = features.training_frame("churn_v1", later)
    shuffle_what_came_later(partitions)
    after = features.training_frame("churn_v1", later)
    assert not after["price_eur"].equals(before["price_eur"])
    assert sorted(after["price_eur"]) == sorted(before["price_eur"])
