"""What is written online is what Feast would write, in chunks, all of it or nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pipelines import features
from pipelines.clock import midnight
from pipelines.features import store, writing
from pipelines.settings import settings

OLD, NIGHT = date(2026, 1, 5), date(2026, 1, 12)
TABLES = ("telco_subscriber_online", "telco_subscriber_scores")


def scores(count: int = 60, probability: float = 0.0) -> pa.Table:
    """Of every kind of value some are missing, some alike and some zero; ids differ in length and alphabet."""
    every = range(count)
    return pa.table({
        "subscriber_id": sorted(f"sub_{'ü' * (number % 3)}{number}" for number in every),
        "churn_probability": [float("nan") if number % 7 == 0 else probability + number / 100 for number in every],
        "churn_decile": pa.array([None if number % 7 == 0 else number % 10 for number in every], pa.int64()),
        "churn_reasons": [None if number % 7 == 0 else "" if number == 1 else "é; " * number for number in every],
        "churn_version": pa.array([4] * count, pa.int64()),
        "ltv_eur_12m": [None if number % 5 == 0 else -12.5 * (number % 4) for number in every],
        "ltv_version": pa.nulls(count, pa.int64()),
        "expires_at": pa.array([datetime(2026, 1, 15, 0, 0, number % 3, 999_999) for number in every],
                               pa.timestamp("us")),
    })


def held(table: str) -> list[tuple[Any, ...]]:
    """What a table of the online store has in it, less its row numbers."""
    with closing(sqlite3.connect(settings().feast / "online.db")) as connection:
        return connection.execute(f'select * from "{table}" order by entity_key, feature_name').fetchall()


def emptied() -> None:
    with closing(sqlite3.connect(settings().feast / "online.db")) as connection, connection:
        for table in TABLES:
            connection.execute(f'delete from "{table}"')


@pytest.mark.parametrize("before", [False, True], ids=["into nothing", "over an older night"])
def test_every_byte_is_what_feast_writes(
    home: Path, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    partitions.publish_world([OLD, NIGHT], 60, inactive=0)
    monkeypatch.setattr(writing, "CHUNK", 7)
    table = scores()
    if before:
        assert features.materialize(OLD)
        assert features.push_scores(OLD, scores(70, 0.1))
    assert features.materialize(NIGHT)
    assert features.push_scores(NIGHT, table)
    ours = [held(name) for name in TABLES]
    if not before:
        emptied()
    opened, start = store._open(), midnight(NIGHT)
    with store._quiet():
        opened.materialize(start - timedelta(seconds=1), start, feature_views=["subscriber_online"])
        stamp = pd.Timestamp(start)
        opened.push("scores", table.to_pandas().assign(event_timestamp=stamp, created_at=stamp))
    assert [len(rows) for rows in ours] == [60 * 4, (70 if before else 60) * 7]
    assert [held(name) for name in TABLES] == ours


def test_feast_reads_back_what_was_written(home: Path, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 7)
    partitions.publish_world([NIGHT], 60, inactive=0)
    assert features.materialize(NIGHT)
    found = features.lookup("subscriber_online", partitions.ids(60))
    expected = partitions.values(partitions.BILLING, 60, NIGHT)
    names = ["tenure_days", "contract_type", "price_eur", "days_to_contract_end"]
    pd.testing.assert_frame_equal(found[names], expected[names], check_dtype=False)
    assert set(found["as_of"]) == {NIGHT}


def test_no_more_than_a_chunk_is_turned_into_python_at_a_time(
    home: Path, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions.publish_world([NIGHT], 5, inactive=0)
    seen: list[int] = []
    encoded = writing._encoded

    def noted(column: pa.Array, feature: Any) -> Any:
        seen.append(len(column))
        return encoded(column, feature)

    monkeypatch.setattr(writing, "CHUNK", 25)
    monkeypatch.setattr(writing, "_encoded", noted)
    assert features.push_scores(NIGHT, scores(60))
    assert seen == [25] * 7 + [25] * 7 + [10] * 7
    assert len(held(TABLES[1])) == 60 * 7


def test_a_write_that_stops_half_way_leaves_what_stood_and_can_be_repeated(
    home: Path, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions.publish_world([NIGHT], 5, inactive=0)
    monkeypatch.setattr(writing, "CHUNK", 20)
    assert features.push_scores(OLD, scores())
    stood, encoded = held(TABLES[1]), writing._encoded

    def stops(column: pa.Array, feature: Any) -> Any:
        if column.offset >= 20:
            raise KeyboardInterrupt
        return encoded(column, feature)

    with monkeypatch.context() as patch:
        patch.setattr(writing, "_encoded", stops)
        with pytest.raises(KeyboardInterrupt):
            features.push_scores(NIGHT, scores(probability=0.2))
    assert held(TABLES[1]) == stood
    assert features.push_scores(NIGHT, scores(probability=0.2))
    assert held(TABLES[1]) != stood


def test_a_subscriber_is_forgotten_whatever_the_length_of_the_id(home: Path, partitions: ModuleType) -> None:
    partitions.publish_world([NIGHT], 5, inactive=0)
    assert features.push_scores(NIGHT, scores(12))
    [(_, count, left, _, _)] = features.forget(["sub_ü1", "sub_3", "sub_üü11"])
    assert (count, left) == (21, 0)
    assert len(held(TABLES[1])) == 9 * 7
    gone = tuple(one.encode() for one in ("sub_ü1", "sub_3", "sub_üü11"))
    assert not any(row[0].endswith(gone) for row in held(TABLES[1]))
