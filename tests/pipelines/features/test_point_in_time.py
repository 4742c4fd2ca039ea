"""The training frame against an oracle that never heard of Feast: small random marts, every kind of late row."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from pipelines import features
from pipelines.errors import Held
from pipelines.features import store
from pipelines.settings import settings

START = datetime(2026, 1, 5)
PEOPLE = ("sub_a", "sub_b", "sub_c")
MOMENTS = tuple(START + timedelta(days=day) for day in range(3))
# The edges of the ttl and of a day, to the second, and the middle.
OFFSETS = (0, 1, 43_200, 86_398, 86_399)
# The column each mart's random value goes to, and the one that is never NULL in a row that exists.
CHECKED = {
    "ftr_subscriber_billing": ("invoice_count_90d", "tenure_days"),
    "ftr_subscriber_network": ("sms_count_30d", "has_network"),
    "ftr_subscriber_care": ("contacts_30d", "has_care"),
}


def load_oracle() -> ModuleType:
    name = "telco_feature_oracle"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("oracle.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


oracle = load_oracle()


@st.composite
def row(draw: st.DrawFn) -> Any:
    happened = START + timedelta(days=draw(st.integers(-2, 2)), seconds=draw(st.sampled_from(OFFSETS)))
    late = timedelta(days=draw(st.integers(0, 2)), seconds=draw(st.sampled_from((0, 1))))
    return oracle.Row(draw(st.sampled_from(PEOPLE)), happened, happened + late, draw(st.integers(0, 999)))


marts = st.fixed_dictionaries({name: st.lists(row(), max_size=10) for name in CHECKED})
entities = st.lists(st.sampled_from(list(product(PEOPLE, MOMENTS))), min_size=1, max_size=9, unique=True)


@pytest.fixture(scope="module")
def world(shared_home: Path, partitions: ModuleType) -> ModuleType:
    """A home whose definitions are registered once; every example writes its own marts."""
    features.apply()
    return partitions


def write(world: ModuleType, mart: str, rows: Sequence[Any]) -> None:
    """The rows as published partitions, one per day they happened on, in the order they were drawn."""
    root = settings().features / mart
    shutil.rmtree(root, ignore_errors=True)
    column, never_null = CHECKED[mart]
    kinds = world.MARTS[mart]
    schema = pa.schema([
        ("subscriber_id", pa.string()), ("event_timestamp", pa.timestamp("us")), ("created_at", pa.timestamp("us")),
        *kinds.items(),
    ])
    # A glob that matches no file is an error of the reader, so one day always exists; nobody is in it.
    days = {one.happened.date() for one in rows} | {START.date()}
    for day in days:
        held = [
            {name: None for name in kinds}
            | {never_null: 1 if kinds[never_null] == pa.int64() else True, column: one.value}
            | {"subscriber_id": one.subscriber_id, "event_timestamp": one.happened, "created_at": one.known}
            for one in rows if one.happened.date() == day
        ]
        folder = root / f"as_of={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(held, schema=schema), folder / "data.parquet")


def asked(pairs: Sequence[tuple[str, datetime]]) -> pd.DataFrame:
    frame = pd.DataFrame(pairs, columns=["subscriber_id", "event_timestamp"])
    return frame.assign(event_timestamp=frame["event_timestamp"].astype("datetime64[us]"), label=range(len(pairs)))


def read(frame: pd.DataFrame, column: str) -> dict[tuple[str, datetime], int | None]:
    return {
        (who, when.to_pydatetime()): None if pd.isna(value) else int(value)
        for who, when, value in zip(frame["subscriber_id"], frame["event_timestamp"], frame[column], strict=True)
    }


def check(content: dict[str, list[Any]], pairs: list[tuple[str, datetime]]) -> None:
    """Rows out == rows in, every value is the oracle's, and a frame with a missing row is held."""
    frame, found, reason = frame_and_join(pairs)
    assert len(found) == len(pairs)
    missing = 0
    for mart, (column, never_null) in CHECKED.items():
        values, there = read(found, column), read(found, never_null)
        assert values.keys() == set(pairs)
        for who, when in pairs:
            allowed = oracle.answers(content[mart], who, when)
            assert values[who, when] in allowed, (mart, who, when, values[who, when], allowed)
            assert (there[who, when] is None) == (allowed == {None})
            missing += allowed == {None}
        if frame is not None:
            assert read(frame, column) == values
    assert bool(missing) == bool(reason)
    if frame is None:
        assert "rows have no row in ftr_subscriber_" in reason
        return
    assert len(frame) == len(pairs)
    assert dict(zip(pairs, range(len(pairs)), strict=True)) == read(frame, "label")


def frame_and_join(pairs: list[tuple[str, datetime]]) -> tuple[pd.DataFrame | None, pd.DataFrame, str]:
    """The training frame or why it was held, and what the join under it gave: one join, which is what costs time."""
    joined: list[pd.DataFrame] = []
    join = store.historical_of

    def kept(service: str, keys: pd.DataFrame) -> pd.DataFrame:
        joined.append(join(service, keys))
        return joined[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "historical_of", kept)
        try:
            return features.training_frame("churn_v1", asked(pairs)), joined[-1], ""
        except Held as held:
            return None, joined[-1], str(held)


@effort(max_examples=16, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=marts, pairs=entities)
def test_every_value_of_a_training_frame_is_the_newest_that_had_happened_was_known_and_had_not_expired(
    world: ModuleType, content: dict[str, list[Any]], pairs: list[tuple[str, datetime]]
) -> None:
    for mart, rows in content.items():
        write(world, mart, rows)
    check(content, pairs)


@effort(max_examples=6, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=marts, pairs=entities)
def test_it_holds_where_everyone_has_a_row_and_late_rows_compete_with_it(
    world: ModuleType, content: dict[str, list[Any]], pairs: list[tuple[str, datetime]]
) -> None:
    """Random marts leave somebody out nearly always; here each view has everybody, so the whole frame is compared."""
    whole = {
        mart: [*rows, *(oracle.Row(who, when, when, 1000) for who, when in product(PEOPLE, MOMENTS))]
        for mart, rows in content.items()
    }
    for mart, rows in whole.items():
        write(world, mart, rows)
    check(whole, pairs)


@pytest.mark.parametrize(("happened", "known", "allowed"), [
    pytest.param(timedelta(0), timedelta(0), {7}, id="at the cut-off, known at the cut-off"),
    pytest.param(timedelta(seconds=1), timedelta(seconds=1), {None}, id="a second after the cut-off"),
    pytest.param(timedelta(0), timedelta(seconds=1), {None}, id="known a second too late"),
    pytest.param(-oracle.TTL, -oracle.TTL, {7}, id="as old as the ttl"),
    pytest.param(-timedelta(days=1), -timedelta(days=1), {None}, id="a second past the ttl"),
])
def test_the_oracle_says_what_the_words_say(happened: timedelta, known: timedelta, allowed: set[int | None]) -> None:
    rows = [oracle.Row("sub_a", START + happened, START + known, 7)]
    assert oracle.answers(rows, "sub_a", START) == allowed


def test_rows_that_differ_in_nothing_but_their_value_are_a_tie_and_one_row_comes_back(world: ModuleType) -> None:
    twice = [oracle.Row("sub_a", START, START, 1), oracle.Row("sub_a", START, START, 2)]
    check_of = {mart: twice for mart in CHECKED}
    for mart, rows in check_of.items():
        write(world, mart, rows)
    assert oracle.answers(twice, "sub_a", START) == {1, 2}
    check(check_of, [("sub_a", START)])


def test_without_the_filter_on_arrival_the_property_would_break(world: ModuleType) -> None:
    """The switch this test turns off is the one the property stands on."""
    late = [oracle.Row("sub_a", START, START, 1), oracle.Row("sub_a", START, START + timedelta(days=1), 2)]
    for mart in CHECKED:
        write(world, mart, late)
    keys = asked([("sub_a", START)])[["subscriber_id", "event_timestamp"]]
    assert read(store.historical("churn_v1", keys), "contacts_30d") == {("sub_a", START): 1}
    leaking = store.historical("churn_v1", keys, known_by_then=False)
    assert read(leaking, "contacts_30d") == {("sub_a", START): 2}
