"""The frame's digest says whether two trainings saw the same values."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import MissingHistory, NotEnoughData
from pipelines.governance.purpose import leave
from pipelines.models import SPECS
from pipelines.settings import settings
from pipelines.training import frames as training_frames

CHURN = SPECS["churn"]


@pytest.fixture
def frame(frames):
    return frames.rows(frames.START, 50)


def test_the_digest_ignores_the_order_of_rows_and_columns(frame):
    shuffled = frame.sample(frac=1.0, random_state=3)[list(reversed(frame.columns))]
    assert training_frames.digest(shuffled) == training_frames.digest(frame)


@pytest.mark.parametrize(("column", "value"), [
    ("price_eur", 1.0), ("price_eur", np.nan), ("contract_type", "other"), ("contract_type", None),
    ("subscriber_id", "sub_x"), ("event_timestamp", pd.Timestamp("2026-01-31")),
])
def test_the_digest_sees_one_changed_value(frame, column, value):
    changed = frame.copy()
    changed.loc[7, column] = value
    assert training_frames.digest(changed) != training_frames.digest(frame)


def test_the_digest_tells_a_missing_value_from_a_zero(frame):
    zero, missing = frame.copy(), frame.copy()
    zero["contacts_30d"] = 0.0
    missing["contacts_30d"] = np.nan
    assert training_frames.digest(zero) != training_frames.digest(missing)


def test_a_swap_of_values_between_two_subscribers_changes_the_digest(frame):
    swapped = frame.copy()
    swapped.loc[[0, 1], "price_eur"] = frame.loc[[1, 0], "price_eur"].to_numpy()
    assert training_frames.digest(swapped) != training_frames.digest(frame)


def test_the_sample_is_reproducible_bounded_and_holds_no_subscriber(frame):
    once = training_frames.sample(frame, ["price_eur"], rows=20, seed=1)
    assert once == training_frames.sample(frame, ["price_eur"], rows=20, seed=1)
    import io

    read = pd.read_parquet(io.BytesIO(once))
    assert len(read) == 20
    assert list(read.columns) == ["event_timestamp", "price_eur"]


def test_unpublished_cutoffs_are_named_with_the_command_that_makes_them(home, monkeypatch, frames):
    cutoffs = frames.grid(3)
    frames.build(monkeypatch, home, cutoffs[:1], count=5)
    with pytest.raises(MissingHistory) as held:
        training_frames.check_published(CHURN, cutoffs, date(2026, 4, 1))
    text = str(held.value)
    assert "2026-02-06" in text
    assert "2026-02-13" in text
    assert "2026-01-30" not in text
    assert "telco bootstrap --from 2026-02-06 --to 2026-04-01" in text


def test_a_declared_absence_is_not_a_published_cutoff(home, monkeypatch, frames):
    from pipelines.publish import Dataset

    frames.build(monkeypatch, home, frames.grid(1), count=5)
    other = frames.grid(2)[1]
    for root, names in (("labels", ["lbl_churn_30d"]), ("features", frames.TABLES)):
        for name in names:
            Dataset(home / root / name, ("as_of",)).declare_absent([{"as_of": other.isoformat()}], "test")
    with pytest.raises(MissingHistory, match=other.isoformat()):
        training_frames.check_published(CHURN, [other], date(2026, 4, 1))


def test_rows_the_feature_store_lost_stop_the_training(home, monkeypatch, frames):
    world = frames.build(monkeypatch, home, frames.grid(1), count=30)
    rows = training_frames.labels(CHURN, frames.grid(1), leave(CHURN.train_purpose, frames.START))
    world.features = world.features.iloc[1:]
    with pytest.raises(NotEnoughData, match="30 label rows in, 29 rows of features out"):
        training_frames.training_frame(CHURN, rows)


def test_labels_of_some_are_those_of_all_without_the_others(home, monkeypatch, frames):
    frames.build(monkeypatch, home, frames.grid(3), count=40)
    may = leave(CHURN.train_purpose, frames.START)
    everybody = training_frames.labels(CHURN, frames.grid(3), may)
    chosen = set(sorted(everybody["subscriber_id"].unique())[::3])
    some = training_frames.labels(CHURN, frames.grid(3), may, lambda names: np.array([one in chosen for one in names]))
    expected = everybody[everybody["subscriber_id"].isin(chosen)].reset_index(drop=True)
    pd.testing.assert_frame_equal(some.astype({"subscriber_id": object}), expected.astype({"subscriber_id": object}))
    assert 0 < len(some) < len(everybody)


@pytest.mark.parametrize(("most", "count"), [(2600, 26), (2599, 25), (1000, 10), (100, 1), (50, 1)])
def test_a_large_operator_thins_its_cutoffs_back_from_the_newest(home, monkeypatch, frames, most, count):
    cutoffs = frames.grid(26)
    frames.build(monkeypatch, home, cutoffs, count=100)
    kept = training_frames.thinned(replace(CHURN, split=replace(CHURN.split, max_rows=most)), cutoffs)
    assert len(kept) == count
    assert kept[-1] == cutoffs[-1]
    gaps = [(later - earlier).days for earlier, later in pairwise(kept)]
    assert max(gaps, default=0) - min(gaps, default=0) <= 7
    assert not gaps or kept[0] == cutoffs[0]
    assert set(kept) <= set(cutoffs)


def test_less_memory_takes_fewer_cutoffs_and_says_so(home, monkeypatch, frames):
    cutoffs = frames.grid(6)
    frames.build(monkeypatch, home, cutoffs, count=100)
    assert training_frames.thinned(CHURN, cutoffs) == tuple(cutoffs)
    assert training_frames.most_rows(CHURN) == 2_222_222  # of the default, 4GB
    monkeypatch.setenv("TELCO_MEMORY_LIMIT", "0.8MB")
    settings.cache_clear()
    told: list[str] = []
    assert len(training_frames.thinned(CHURN, cutoffs, told.append)) == 4
    assert told == ["churn: 4 of 6 matured cut-offs, evenly spread; all have 600 labels, 444 are taken at most with "
                    "0.8MB of memory"]
    monkeypatch.setenv("TELCO_MEMORY_LIMIT", "640GB")
    settings.cache_clear()
    assert training_frames.most_rows(CHURN) == CHURN.split.max_rows
