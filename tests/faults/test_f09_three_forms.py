"""F09-F12 in CSV, JSON lines and Parquet: renamed, added, retyped and reordered columns, down to the raw bytes."""

from __future__ import annotations

import json
import random
import shutil
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.contract import BY_ID, Form, Type
from pipelines.landing.control import Damaged
from pipelines.landing.reading import read
from pipelines.settings import settings

CSV, JSONL, PARQUET = "billing_alpha.invoices", "care.interactions", "network.usage_daily"
FORMS = (CSV, JSONL, PARQUET)


def columns(feed_id: str) -> list[str]:
    return [column.name for column in BY_ID[feed_id].columns]


def raw_bytes(drops: ModuleType, feed_id: str, **given: Any) -> bytes:
    """The raw partition this drop alone gives; the home's tokens stay, so equal rows are equal bytes."""
    shutil.rmtree(settings().raw, ignore_errors=True)
    drops.drop(feed_id, **given)
    landing.land(drops.AS_OF)
    data: bytes = drops.raw_path(feed_id).read_bytes()
    return data


@pytest.mark.parametrize("feed_id", FORMS)
def test_F09_every_column_renamed_one_by_one_is_rejected_naming_both(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    for old in columns(feed_id):
        rows = [{**row, "renamed": row[old]} for row in drops.rows(feed_id)]
        data = drops.encode(feed_id, rows, [name if name != old else "renamed" for name in columns(feed_id)])
        with pytest.raises(Damaged, match=f"columns missing: {old}; columns unexpected: renamed"):
            read(BY_ID[feed_id], data)


@pytest.mark.parametrize("feed_id", FORMS)
def test_F09_another_case_or_a_blank_makes_another_column(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    first = columns(feed_id)[0]
    for odd in (first.upper(), f" {first}", f"{first} "):
        rows = [{**row, odd: row[first]} for row in drops.rows(feed_id)]
        with pytest.raises(Damaged, match=f"columns missing: {first}"):
            read(BY_ID[feed_id], drops.encode(feed_id, rows, [odd, *columns(feed_id)[1:]]))


@pytest.mark.parametrize("feed_id", FORMS)
def test_F09_one_name_twice_is_rejected_for_nobody_can_say_which(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    last = columns(feed_id)[-1]
    if feed_id == JSONL:
        data = drops.encode(feed_id, drops.rows(feed_id)).replace(b"}", f', "{last}": null}}'.encode(), 1)
    else:
        data = drops.encode(feed_id, drops.rows(feed_id), [*columns(feed_id), last])
    with pytest.raises(Damaged, match=f"columns occur twice: {last}|a key twice"):
        read(BY_ID[feed_id], data)


def test_F09_a_key_renamed_in_one_object_of_many_is_that_rows_fault_and_never_null(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(JSONL)
    lines = drops.encode(JSONL, drops.rows(JSONL, 200)).splitlines(keepends=True)
    lines[6] = lines[6].replace(b'"wait_seconds"', b'"waited"')
    drops.put(JSONL, b"".join(lines), 200)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (199, 1)
    assert drops.quarantined(JSONL)[0]["reasons"] == ["wait_seconds is not in the object"]


@pytest.mark.parametrize("feed_id", FORMS)
def test_F10_with_a_column_more_the_raw_partition_is_the_same_to_the_byte(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    expected = raw_bytes(drops, feed_id)
    more = [{**row, "colour": "red"} for row in drops.rows(feed_id)]
    for place in (0, 3, len(columns(feed_id))):
        names = [*columns(feed_id)[:place], "colour", *columns(feed_id)[place:]]
        assert raw_bytes(drops, feed_id, what=more, columns=names) == expected
    assert landing.land(drops.AS_OF)[0].state == "duplicate"


@pytest.mark.parametrize("feed_id", FORMS)
def test_F10_the_warning_stays_with_what_was_landed(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    drops.drop(feed_id, [{**row, "colour": "red"} for row in drops.rows(feed_id)],
               columns=[*columns(feed_id), "colour"])
    (landed,) = landing.land(drops.AS_OF)
    assert any("ignored: colour" in warning for warning in landed.warnings)
    assert "ignored: colour" in (drops.raw_path(feed_id).parents[1] / "manifest.jsonl").read_text()


@pytest.mark.parametrize("feed_id", ["pm.ericsson", "pm.nokia"])
def test_F10_a_counter_nobody_mapped_is_rejected_for_a_strict_feed(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    drops.drop(feed_id, [{**row, "pmNew": 1.0} for row in drops.rows(feed_id)], columns=[*columns(feed_id), "pmNew"])
    with pytest.raises(RejectedFile, match="columns nobody mapped: pmNew"):
        landing.land(drops.AS_OF)


@pytest.mark.parametrize("feed_id", FORMS)
def test_F12_shuffled_columns_give_the_same_raw_partition_to_the_byte(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    expected = raw_bytes(drops, feed_id)
    for seed in range(3):
        names = random.Random(seed).sample(columns(feed_id), len(columns(feed_id)))
        assert names != columns(feed_id)
        assert raw_bytes(drops, feed_id, columns=names) == expected


def test_F12_each_json_object_may_have_an_order_of_its_own(home: Path, drops: ModuleType) -> None:
    drops.estate(JSONL)
    expected = raw_bytes(drops, JSONL)
    shutil.rmtree(settings().raw)
    lines = drops.encode(JSONL, drops.rows(JSONL)).decode().splitlines()
    shuffled = [json.dumps(dict(random.Random(seed).sample(list(json.loads(line).items()), len(columns(JSONL)))))
                for seed, line in enumerate(lines)]
    assert shuffled != lines
    drops.put(JSONL, "".join(f"{line}\n" for line in shuffled).encode(), 3)
    landing.land(drops.AS_OF)
    assert drops.raw_path(JSONL).read_bytes() == expected


# One value of every type a Parquet file may hold instead, and the types of the contract it would satisfy.
SENT: tuple[tuple[pa.Array, frozenset[Type]], ...] = (
    (pa.array(["1,5"]), frozenset({Type.STRING})),
    (pa.array(["2026-03-10"], pa.large_string()), frozenset({Type.STRING})),
    (pa.array([b"1"]), frozenset()),
    (pa.array([1], pa.int64()), frozenset({Type.INTEGER})),
    (pa.array([1], pa.int16()), frozenset({Type.INTEGER})),
    (pa.array([1], pa.uint64()), frozenset()),
    (pa.array([1.0], pa.float64()), frozenset({Type.DOUBLE})),
    (pa.array([1.0], pa.float32()), frozenset({Type.DOUBLE})),
    (pa.array([True]), frozenset({Type.BOOLEAN})),
    (pa.array([Decimal("1.50")]), frozenset({Type.DECIMAL})),
    (pa.array([Decimal("1.50000")]), frozenset()),
    (pa.array([date(2026, 3, 10)]), frozenset({Type.DATE})),
    (pa.array([datetime(2026, 3, 10)], pa.timestamp("us")), frozenset({Type.LOCAL_TIME, Type.INSTANT})),
    (pa.array([datetime(2026, 3, 10)], pa.timestamp("us", "UTC")), frozenset({Type.INSTANT})),
    (pa.array([datetime(2026, 3, 10)], pa.timestamp("us", "Europe/Berlin")), frozenset()),
    (pa.array([None], pa.null()), frozenset()),
    (pa.array([["1"]]), frozenset()),
    (pa.array([{"value": 1}]), frozenset()),
)
TYPED = {
    Type.STRING: (PARQUET, "cell_1_id"), Type.INTEGER: (PARQUET, "data_kb"), Type.DOUBLE: (PARQUET, "cell_1_share"),
    Type.DATE: (PARQUET, "usage_on"), Type.INSTANT: ("pm.ericsson", "ropStart"),
}


@pytest.mark.parametrize("kind", TYPED)
@pytest.mark.parametrize("array", [pair[0] for pair in SENT], ids=lambda array: str(array.type))
def test_F11_every_pair_of_types_that_do_not_fit_is_rejected_naming_the_column(
    drops: ModuleType, kind: Type, array: pa.Array
) -> None:
    feed_id, name = TYPED[kind]
    assert BY_ID[feed_id].form is Form.PARQUET
    assert BY_ID[feed_id].column(name).type is kind
    table = pq.read_table(pa.BufferReader(drops.encode(feed_id, drops.rows(feed_id, 1)))).slice(0, 1)
    out = BytesIO()
    pq.write_table(table.set_column(table.column_names.index(name), name, array), out)
    if kind in next(fits for sent, fits in SENT if sent is array):
        assert read(BY_ID[feed_id], out.getvalue()).table.num_rows == 1
        return
    with pytest.raises(Damaged, match=f"{name} is .*, the contract wants {kind.value}"):
        read(BY_ID[feed_id], out.getvalue())


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("wait_seconds", ["1,5", "40", 1.5, 40.0, True, [40], {}]),
        ("is_resolved", ["true", 1, 0, "yes"]),
        ("topic", [1, True, 1.5, ["billing"]]),
        ("opened_at", [1773136800, "2026-03-10", "2026-03-10 10:00:00", "10.03.2026 10:00"]),
        ("msisdn", [4915100000001, 4.915e12]),
    ],
)
def test_F11_a_json_value_of_another_type_is_its_rows_fault(
    drops: ModuleType, column: str, values: list[object]
) -> None:
    rows = [{**row, column: value} for row, value in zip(drops.rows(JSONL, len(values)), values, strict=True)]
    found = read(BY_ID[JSONL], drops.encode(JSONL, rows))
    assert found.faults.rows().tolist() == list(range(len(values)))
    assert all(reason.startswith(column) for reason, _ in found.faults.found)
    assert found.table[column].null_count == len(values)


@pytest.mark.parametrize("value", ["1,5", "1.5", "1e3", " 1", "1 ", "0x1", "1_000", "1.000", "--1", "NaN", "１"])
def test_F11_a_csv_number_of_another_form_is_its_rows_fault(home: Path, drops: ModuleType, value: str) -> None:
    drops.estate(CSV)
    rows = drops.rows(CSV)
    rows[1]["amount_cents"] = value
    found = read(BY_ID[CSV], drops.encode(CSV, rows))
    assert found.faults.rows().tolist() == [1]
    assert found.table["amount_cents"].to_pylist() == [2999, None, 2999]
