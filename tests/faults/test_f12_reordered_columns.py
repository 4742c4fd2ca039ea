"""F12: columns in another order give the same raw file, byte for byte. F10, F09, F11 in every form of file."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.contract import BY_ID
from pipelines.settings import settings

FORMS = ("billing_alpha.subscriptions", "care.complaints", "network.cells", "pm.nokia", "pm.ericsson")


def columns(feed_id: str) -> list[str]:
    return [column.name for column in BY_ID[feed_id].columns]


def landed_bytes(drops: ModuleType, feed_id: str, order: list[str], rows: list[dict[str, object]]) -> bytes:
    """Land as if for the first time, with the keys this home has."""
    drops.drop(feed_id, rows, columns=order)
    shutil.rmtree(settings().raw / feed_id.replace(".", "/"), ignore_errors=True)
    landing.land(drops.AS_OF)
    found: bytes = drops.raw_path(feed_id).read_bytes()
    return found


@pytest.mark.parametrize("feed_id", FORMS)
def test_F12_shuffled_columns_give_a_raw_file_of_the_same_bytes(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    names, rows = columns(feed_id), drops.rows(feed_id)
    assert landed_bytes(drops, feed_id, names[::-1], rows) == landed_bytes(drops, feed_id, names, rows)
    assert landed_bytes(drops, feed_id, [*names[5:], *names[:5]], rows) == landed_bytes(drops, feed_id, names, rows)


@pytest.mark.parametrize("feed_id", FORMS[:3])
def test_F10_an_added_column_changes_no_byte_of_the_raw_file(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    names, rows = columns(feed_id), drops.rows(feed_id)
    more = [{**row, "colour": "red"} for row in rows]
    assert landed_bytes(drops, feed_id, ["colour", *names], more) == landed_bytes(drops, feed_id, names, rows)


@pytest.mark.parametrize("feed_id", FORMS)
def test_F09_every_column_is_missed_by_name(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    names, rows = columns(feed_id), drops.rows(feed_id)
    for gone in (names[0], names[-1]):
        drops.drop(feed_id, [{**row, "renamed": row[gone]} for row in rows],
                   columns=[name if name != gone else "renamed" for name in names])
        with pytest.raises(RejectedFile) as told:
            landing.land(drops.AS_OF)
        assert f"columns missing: {gone}; columns unexpected: renamed" in str(told.value)


# What a sender's tools make of a type when nobody looks: (the contract's type, what came)
PAIRS = [
    ("integer", pa.array(["1,5"])), ("integer", pa.array([1.5])), ("integer", pa.array([True])),
    ("integer", pa.array([1], pa.uint64())), ("integer", pa.array([1], pa.decimal128(5, 0))),
    ("double", pa.array(["1,5"])), ("double", pa.array([1])), ("double", pa.array([1], pa.decimal128(5, 0))),
    ("string", pa.array([4915100000001])), ("string", pa.array([1.0])), ("string", pa.array([b"x"])),
    ("string", pa.array([["x"]])), ("string", pa.array([{"x": 1}])), ("string", pa.nulls(1)),
    ("date", pa.array(["2026-03-10"])), ("date", pa.array([20260310])),
    ("date", pa.array([0], pa.timestamp("us"))), ("instant", pa.array(["2026-03-10T00:00:00Z"])),
    ("instant", pa.array([0], pa.date32())), ("instant", pa.array([1773100800])),
    ("instant", pa.array([0], pa.timestamp("us", "Europe/Berlin"))),
]
COLUMN = {"integer": ("network.usage_daily", "data_kb"), "double": ("pm.ericsson", "pmPrbUsedDlSum"),
          "string": ("network.usage_daily", "msisdn"), "date": ("network.usage_daily", "usage_on"),
          "instant": ("pm.ericsson", "ropStart")}


@pytest.mark.parametrize(("wanted", "came"), PAIRS, ids=[f"{wanted} as {came.type}" for wanted, came in PAIRS])
def test_F11_a_column_of_another_type_is_rejected_naming_both(
    home: Path, drops: ModuleType, tmp_path: Path, wanted: str, came: pa.Array
) -> None:
    feed_id, name = COLUMN[wanted]
    drops.estate(feed_id)
    table = pq.read_table(drops.drop(feed_id, drops.rows(feed_id, 1)[:1]), partitioning=None)
    pq.write_table(table.set_column(table.column_names.index(name), name, came), tmp_path / "retyped.parquet")
    drops.put(feed_id, (tmp_path / "retyped.parquet").read_bytes(), 1)
    with pytest.raises(RejectedFile) as told:
        landing.land(drops.AS_OF)
    assert f"{name} is {pq.read_schema(tmp_path / 'retyped.parquet').field(name).type}, the contract wants {wanted}" \
        in str(told.value)
    assert not drops.raw_path(feed_id).exists()
