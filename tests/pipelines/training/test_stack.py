"""One array of float32 for all rows: the values of the frame, whatever the number of reads, and no copy of it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines import bundle as bundles
from pipelines.errors import Held
from pipelines.governance.purpose import leave
from pipelines.models import SPECS
from pipelines.training import frames as training_frames
from pipelines.training import recipe, stack

CHURN = SPECS["churn"]


@pytest.fixture
def frame(frames):
    return pd.concat([frames.rows(day, 40) for day in frames.grid(4)], ignore_index=True)


def test_it_holds_what_the_frame_encoded_would(frame, frames):
    whole = stack.of(CHURN, frame.sample(frac=1, random_state=1), frames.COLUMNS)
    ordered = frame.sort_values(["event_timestamp", "subscriber_id"], ignore_index=True)
    told = recipe.encode(ordered, CHURN, frames.COLUMNS, bundles.learn_categories(ordered, frames.COLUMNS))
    np.testing.assert_array_equal(whole.rows().matrix, told.matrix)
    np.testing.assert_array_equal(whole.label, told.label)
    np.testing.assert_array_equal(np.asarray(whole.subscriber, dtype=object), told.subscriber)
    assert whole.texts == bundles.learn_categories(ordered, frames.COLUMNS)
    np.testing.assert_array_equal(bundles.encode(whole.table(), frames.COLUMNS, whole.texts), told.matrix)


def test_many_reads_give_the_bytes_of_one(home, monkeypatch, frames):
    world = frames.build(monkeypatch, home, frames.grid(4), count=50)
    rows = training_frames.labels(CHURN, frames.grid(4), leave(CHURN.train_purpose, frames.START))
    once = stack.read(CHURN, rows)
    assert world.reads == 1
    for most, reads in ((110, 2), (60, 4), (30, 8)):  # two cut-offs at a time, one, half of one
        world.reads = 0
        monkeypatch.setattr(stack, "ROWS_AT_ONCE", most)
        many = stack.read(CHURN, rows)
        assert world.reads == reads
        np.testing.assert_array_equal(many.matrix, once.matrix)
        assert (many.digest(), many.reference, many.texts) == (once.digest(), once.reference, once.texts)


def test_slices_in_time_are_views(frame, frames):
    whole, days = stack.of(CHURN, frame, frames.COLUMNS), frames.grid(4)
    part = whole.of(days[1:3])
    assert np.shares_memory(part.rows().matrix, whole.matrix)
    assert (len(part), part.days) == (80, days[1:3])
    apart = whole.of([days[0], days[3]])
    assert (len(apart), apart.days) == (80, [days[0], days[3]])
    assert len(whole.of([])) == 0


def test_rows_are_found_by_their_keys_and_strangers_are_not(frame, frames):
    whole = stack.of(CHURN, frame, frames.COLUMNS)
    chosen = np.array([158, 3, 40, 0, 159])
    assert whole.places(whole.at(chosen).table()).tolist() == chosen.tolist()
    strangers = pd.DataFrame({"subscriber_id": ["sub_x", "sub_000001", "sub_000001"],
                              "event_timestamp": pd.to_datetime(["2026-01-30", "2026-01-31", "2027-01-01"])})
    assert whole.places(strangers).tolist() == [-1, -1, -1]


def test_a_category_the_fit_never_saw_is_missing_to_it_and_known_to_the_rest(frame, frames):
    frame["contract_type"] = frame["contract_type"].where(frame["event_timestamp"] < frame["event_timestamp"].max(),
                                                          "aardvark")
    whole, days = stack.of(CHURN, frame, frames.COLUMNS), frames.grid(4)
    place = frames.COLUMNS.index("contract_type")
    newest, before = whole.of(days[3:]), whole.of(days[:3])
    assert np.isnan(newest.rows(before).matrix[:, place]).all()
    assert (newest.rows().matrix[:, place] == 0).all()
    assert np.shares_memory(before.rows(before).matrix, whole.matrix)


@pytest.mark.parametrize(("column", "value"), [
    ("price_eur", 1.0), ("price_eur", np.nan), ("contract_type", "other"), ("contract_type", None),
    ("subscriber_id", "sub_x"), ("is_churned", None), ("is_paperless", None),
])
def test_the_digest_sees_one_changed_value_and_no_order(frame, frames, column, value):
    told = stack.of(CHURN, frame, frames.COLUMNS).digest()
    shuffled = frame.sample(frac=1, random_state=3)
    assert stack.of(CHURN, shuffled, list(reversed(frames.COLUMNS))).digest() == told
    changed = frame.copy()
    changed[column] = changed[column].astype(object)
    changed.loc[7, column] = (not changed.loc[7, column]) if column.startswith("is_") else value
    assert stack.of(CHURN, changed, frames.COLUMNS).digest() != told


def test_the_reference_is_of_the_published_values_bounded_and_without_a_subscriber(frame, frames, monkeypatch):
    monkeypatch.setattr(stack, "SAMPLE_ROWS", 25)
    read = pd.read_parquet(io.BytesIO(stack.of(CHURN, frame, frames.COLUMNS).reference))
    assert list(read.columns) == ["event_timestamp", *frames.COLUMNS]
    assert len(read) == 25
    assert set(read["price_eur"]) <= set(frame["price_eur"])  # to the last bit: an edge of a bin may be a price
    assert (read["is_paperless"].dtype, read["tenure_days"].dtype) == (bool, np.int64)


def test_a_column_of_text_at_one_cut_off_and_of_numbers_at_another_is_refused(home, monkeypatch, frames):
    world = frames.build(monkeypatch, home, frames.grid(2), count=20)
    is_new = world.features["event_timestamp"] == world.features["event_timestamp"].max()
    world.features["contract_type"] = world.features["contract_type"].where(~is_new, 3.0)
    monkeypatch.setattr(stack, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(world, "answer", world.answer)
    with pytest.raises(Held, match="contract_type"):
        stack.read(CHURN, training_frames.labels(CHURN, frames.grid(2), leave(CHURN.train_purpose, frames.START)))


def with_arms(frame):
    number = np.arange(len(frame))
    return frame.assign(is_contacted_in_window=number % 4 == 0, is_held_out_in_window=number % 4 == 1)


def test_contacted_rows_stay_unless_the_spec_leaves_them_out(home, monkeypatch, frames):
    frames.build(monkeypatch, home, frames.grid(1), count=40)
    part = with_arms(frames.rows(frames.START, 40))
    path = home / "labels/lbl_churn_30d"
    (path / "manifest.jsonl").unlink()
    for old in path.glob("as_of=*/data.parquet"):
        old.unlink()
    from pipelines.publish import Dataset

    keep = ["subscriber_id", "event_timestamp", "is_churned", *training_frames.ARMS]
    Dataset(path, ("as_of",)).publish(
        {"as_of": frames.START.isoformat()}, lambda to: part[keep].to_parquet(to, index=False) or 40)
    whole = stack.read(CHURN, training_frames.labels(CHURN, [frames.START], leave(CHURN.train_purpose, frames.START)))
    assert (len(whole), int(whole.arms["is_contacted_in_window"].sum())) == (40, 10)
    strict = replace(CHURN, split=replace(CHURN.split, leave_out_contacted=True))
    left = stack.read(strict, training_frames.labels(strict, [frames.START], leave(strict.train_purpose, frames.START)))
    assert (len(left), int(left.arms["is_contacted_in_window"].sum())) == (30, 0)
    assert strict.digest != CHURN.digest
