"""F09-F12: columns renamed, added, retyped, reordered. F13: other encodings. F17: other ways to write a date."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.contract import BY_ID

USAGE = "network.usage_daily"
INVOICES = "billing_alpha.invoices"
CARE = "care.interactions"


def columns(feed_id: str) -> list[str]:
    return [column.name for column in BY_ID[feed_id].columns]


@pytest.mark.parametrize(("feed_id", "old"), [(USAGE, "data_kb"), (INVOICES, "amount_cents"), (CARE, "wait_seconds")])
@pytest.mark.mlts("O1")
def test_F09_a_renamed_column_is_rejected_naming_both(home: Path, drops: ModuleType, feed_id: str, old: str) -> None:
    drops.estate(feed_id)
    rows = [{**row, "megabytes": row[old]} for row in drops.rows(feed_id)]
    drops.drop(feed_id, rows, columns=[name if name != old else "megabytes" for name in columns(feed_id)])
    with pytest.raises(RejectedFile, match=f"columns missing: {old}; columns unexpected: megabytes"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()


def test_F09_a_nullable_column_left_out_is_rejected_too_and_never_filled_with_null(
    home: Path, drops: ModuleType
) -> None:
    feed_id = "billing_alpha.subscriptions"
    drops.estate(feed_id)
    drops.drop(feed_id, columns=[name for name in columns(feed_id) if name != "ended_on"])
    with pytest.raises(RejectedFile, match="columns missing: ended_on; columns unexpected: none"):
        landing.land(drops.AS_OF)


@pytest.mark.parametrize("feed_id", [USAGE, INVOICES, CARE])
@pytest.mark.mlts("O1")
def test_F10_an_added_column_is_ignored_with_a_warning(
    home: Path, drops: ModuleType, feed_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    drops.estate(feed_id)
    drops.drop(feed_id, [{**row, "colour": "red"} for row in drops.rows(feed_id)],
               columns=[*columns(feed_id), "colour"])
    assert landing.land(drops.AS_OF)[0].rows == 3
    assert "ignored: colour" in caplog.text
    empty = drops.raw_path(feed_id).parents[1] / "schema" / "data.parquet"
    assert pq.read_schema(drops.raw_path(feed_id)).equals(pq.read_schema(empty))


@pytest.mark.parametrize("feed_id", [USAGE, INVOICES, CARE])
def test_F12_columns_in_another_order_give_the_same_rows(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    drops.drop(feed_id)
    landing.land(drops.AS_OF)
    expected = drops.raw(feed_id)
    drops.drop(feed_id, columns=columns(feed_id)[::-1])
    landing.land(drops.AS_OF)
    own = [name for name in expected.column_names if name not in ("drop_version", "known_on")]
    assert drops.raw(feed_id).slice(3).select(own).equals(expected.select(own))


@pytest.mark.parametrize(
    ("column", "array", "why"),
    [
        ("data_kb", pa.array(["1,5"]), "data_kb is string, the contract wants integer"),
        ("data_kb", pa.array([1.0]), "data_kb is double, the contract wants integer"),
        ("usage_on", pa.array(["2026-03-10"]), "usage_on is string, the contract wants date"),
        ("msisdn", pa.array([4915100000001]), "msisdn is int64, the contract wants string"),
    ],
)
def test_F11_a_retyped_parquet_column_is_rejected_naming_both_types(
    home: Path, drops: ModuleType, tmp_path: Path, column: str, array: pa.Array, why: str
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE, drops.rows(USAGE, 1))
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.set_column(table.column_names.index(column), column, array), tmp_path / "retyped.parquet")
    drops.put(USAGE, (tmp_path / "retyped.parquet").read_bytes(), 1)
    with pytest.raises(RejectedFile, match=why):
        landing.land(drops.AS_OF)


@pytest.mark.parametrize(
    ("feed_id", "column", "value", "why"),
    [
        (INVOICES, "amount_cents", "1,5", "amount_cents is not a whole number"),
        (INVOICES, "amount_cents", "29.99", "amount_cents is not a whole number"),
        (INVOICES, "issued_on", "01/02/2026", "issued_on is not a day YYYY-MM-DD"),
        (INVOICES, "issued_on", "2026-02-30", "issued_on is not a day YYYY-MM-DD"),
        (INVOICES, "issued_on", None, "issued_on is empty"),
        (CARE, "wait_seconds", "40", "wait_seconds is not a JSON whole number"),
        (CARE, "is_resolved", 1, "is_resolved is not a JSON boolean"),
        (CARE, "opened_at", "2026-03-10T10:00:00+01:00", "opened_at is not an instant"),
        (CARE, "msisdn", "0151 5550100", "msisdn is not a number in E.164 form"),
    ],
)
def test_F11_F17_values_of_another_form_reject_the_file_when_they_are_many(
    home: Path, drops: ModuleType, feed_id: str, column: str, value: object, why: str
) -> None:
    drops.estate(feed_id)
    drops.drop(feed_id, [{**row, column: value} for row in drops.rows(feed_id)])
    with pytest.raises(RejectedFile, match=why):
        landing.land(drops.AS_OF)


def test_F17_one_impossible_date_in_two_hundred_rows_waits_in_quarantine_as_it_came(
    home: Path, drops: ModuleType
) -> None:
    drops.estate(INVOICES)
    rows = drops.rows(INVOICES, 200)
    rows[120]["issued_on"] = "2026-02-30"
    drops.drop(INVOICES, rows)
    assert landing.land(drops.AS_OF)[0].rows == 199
    (kept,) = drops.quarantined(INVOICES)
    assert kept["line"] == 122
    assert kept["reasons"] == ["issued_on is not a day YYYY-MM-DD"]
    assert kept["row"].startswith("I202603100000120;A0000120;")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_F13_another_encoding_is_rejected(home: Path, drops: ModuleType, encoding: str) -> None:
    feed_id = "billing_alpha.accounts"
    drops.estate(feed_id)
    drops.put(feed_id, drops.encode(feed_id, drops.rows(feed_id)).decode().encode(encoding), 3)
    with pytest.raises(RejectedFile, match="UTF-8"):
        landing.land(drops.AS_OF)


def test_F13_a_byte_order_mark_and_an_emoji_are_fine(home: Path, drops: ModuleType) -> None:
    feed_id = "billing_alpha.accounts"
    drops.estate(feed_id)
    rows = [{**row, "region": "north 🐟"} for row in drops.rows(feed_id)]
    drops.put(feed_id, b"\xef\xbb\xbf" + drops.encode(feed_id, rows).replace(b"\n", b"\r\n"), 3)
    landing.land(drops.AS_OF)
    assert drops.raw(feed_id)["region"].to_pylist() == ["north 🐟"] * 3
