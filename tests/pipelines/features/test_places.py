"""Values by place: the row of the night it was found in, whatever the row groups, and never another subscriber's."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import IntegrityError
from pipelines.features import places

MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)


@pytest.fixture
def files(tmp_path: Path) -> str:
    """Two nights of ten subscribers, four rows to a row group; on Tuesday nobody's flag is known."""
    for night, base in ((MONDAY, 0), (TUESDAY, 100)):
        folder = tmp_path / f"as_of={night}"
        folder.mkdir()
        table = pa.table({
            "subscriber_id": [f"sub_{number}" for number in range(10)],
            "never_read": pa.nulls(10, pa.int64()),
            "bill": [base + number for number in range(10)],
            "is_new": pa.array([number % 2 == 0 if base == 0 else None for number in range(10)], pa.bool_()),
        })
        pq.write_table(table, folder / "data.parquet", row_group_size=4)
    return str(tmp_path / "as_of=*" / "data.parquet")


def asked(*rows: tuple[int, date, tuple[date, int] | None]) -> pa.Table:
    """Whom, at which time, and the place found."""
    return pa.table({
        "subscriber_id": [f"sub_{who}" for who, _, _ in rows],
        "event_timestamp": pa.array([datetime(at.year, at.month, at.day) for _, at, _ in rows], pa.timestamp("us")),
        "mart__as_of": pa.array([place and place[0] for _, _, place in rows], pa.date32()),
        "mart__file_row_number": pa.array([place and place[1] for _, _, place in rows], pa.int64()),
    })


def read(files: str, *rows: Any) -> dict[str, list[Any]]:
    frame = places.values(files, asked(*rows), "mart", ["is_new", "bill"])
    assert list(frame) == ["is_new", "bill"]
    return {name: frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame}


def test_each_row_gets_the_values_of_its_place_in_the_order_asked(files: str) -> None:
    rows = [(9, MONDAY, (MONDAY, 9)), (4, MONDAY, (MONDAY, 4)), (5, TUESDAY, (TUESDAY, 5)), (0, TUESDAY, (TUESDAY, 0))]
    assert read(files, *rows) == {"bill": [9, 4, 105, 100], "is_new": [False, True, None, None]}


def test_one_time_may_be_answered_from_two_nights(files: str) -> None:
    rows = [(1, TUESDAY, (TUESDAY, 1)), (2, TUESDAY, (MONDAY, 2)), (3, TUESDAY, (TUESDAY, 3))]
    assert read(files, *rows)["bill"] == [101, 2, 103]


def test_no_place_is_no_value_for_one_row_or_a_whole_night(files: str) -> None:
    rows = [(1, MONDAY, None), (2, MONDAY, None), (3, TUESDAY, (TUESDAY, 3)), (4, TUESDAY, None)]
    assert read(files, *rows)["bill"] == [None, None, 103, None]
    assert read(files, *rows[:2]) == {"bill": [None, None], "is_new": [None, None]}


def test_row_groups_outside_the_places_are_not_read(files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    whole = pq.ParquetFile.read_row_groups

    def watched(self: pq.ParquetFile, groups: Any, **words: Any) -> pa.Table:
        seen.append(list(groups))
        return whole(self, groups, **words)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", watched)
    assert read(files, (4, MONDAY, (MONDAY, 4)), (7, MONDAY, (MONDAY, 7)), (8, TUESDAY, (TUESDAY, 8)))["bill"] == [
        4, 7, 108]
    assert seen == [[1], [2]]


def test_a_file_that_was_replaced_in_between_is_refused(files: str) -> None:
    with pytest.raises(IntegrityError, match="a row is of another subscriber than it was found for"):
        read(files, (1, MONDAY, (MONDAY, 1)), (3, MONDAY, (MONDAY, 2)))
    with pytest.raises(IntegrityError, match="is shorter than it was when a row was found in it"):
        read(files, (1, MONDAY, (MONDAY, 1)), (3, MONDAY, (MONDAY, 10)))


def test_any_order_and_any_gaps_give_what_one_by_one_gives(files: str) -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        rows = [(int(who), TUESDAY, (MONDAY if random.random() < 0.5 else TUESDAY, int(who)))
                for who in random.permutation(10)[:random.integers(1, 10)]]
        assert read(files, *rows)["bill"] == [read(files, row)["bill"][0] for row in rows]
