"""F17: a day is ISO and of the calendar, in every form; what is neither is never guessed at and never NULL."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.errors import RejectedFile, UsageError
from pipelines.estate import estate
from pipelines.landing.contract import BY_ID
from pipelines.landing.reading import read

CSV_DAY = ("billing_alpha.invoices", "issued_on")
CSV_TIME = ("billing_alpha.payments", "paid_at")
JSON_DAY = ("billing_bravo.bills", "from_on")
JSON_TIME = ("care.interactions", "opened_at")
USAGE = "network.usage_daily"
NO_DAYS = (
    "01/02/2026", "2026-02-30", "2026-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "20260201", "2026-2-1",
    "01.02.2026", "2026/02/01", "26-02-01", "2026-W05-7", "2026-032", "2026-02-01T00:00:00", " 2026-02-01",
    "2026-02-01 ", "+2026-02-01", "0000-00-00", "0000-01-01", "0001-01-01", "1899-12-31", "2026-02-01\u200b",
    "２０２６-02-01",
)
NO_TIMES = ("2026-02-30 10:00:00", "2026-03-10 24:00:00", "2026-03-10 23:60:00", "2026-03-10 23:59:60",
            "2026-03-10 10:00", "2026-03-10T10:00:00", "01/02/2026 10:00:00", "2026-03-10 10:00:00+01:00",
            "0001-01-01 00:00:00", "1773136800")
NO_INSTANTS = ("2026-02-30T10:00:00Z", "2026-03-10T24:00:00Z", "2026-03-10T10:00:00", "2026-03-10T10:00:00+01:00",
               "2026-03-10 10:00:00", "01/02/2026", "0001-01-01T00:00:00Z", "2026-03-10T10:00Z")


@pytest.mark.parametrize(
    ("where", "value"),
    [*((CSV_DAY, value) for value in NO_DAYS), *((JSON_DAY, value) for value in NO_DAYS),
     *((CSV_TIME, value) for value in NO_TIMES), *((JSON_TIME, value) for value in NO_INSTANTS)],
    ids=lambda value: value[0] if isinstance(value, tuple) else ascii(value),
)
def test_F17_what_is_no_iso_day_is_the_fault_of_its_row(
    home: Path, drops: ModuleType, where: tuple[str, str], value: str
) -> None:
    feed_id, column = where
    drops.estate(feed_id)
    rows = drops.rows(feed_id)
    rows[1][column] = value
    found = read(BY_ID[feed_id], drops.encode(feed_id, rows))
    assert found.faults.rows().tolist() == [1]
    assert all(reason.startswith(column) for reason, _ in found.faults.found)
    assert [day is None for day in found.table[column].to_pylist()] == [False, True, False]


@pytest.mark.parametrize("where", [CSV_DAY, JSON_DAY, CSV_TIME, JSON_TIME], ids=lambda where: where[0])
@pytest.mark.parametrize("value", ["01/02/2026", "2026-02-30"])
def test_F17_a_file_of_them_is_rejected(
    home: Path, drops: ModuleType, where: tuple[str, str], value: str
) -> None:
    feed_id, column = where
    drops.estate(feed_id)
    drops.drop(feed_id, [{**row, column: value} for row in drops.rows(feed_id)])
    with pytest.raises(RejectedFile, match=f"3 of 3 rows are bad.*{column} is not"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()


@pytest.mark.parametrize("value", ["2024-02-29", "2026-02-28", "1900-01-01", "9999-12-31"])
def test_F17_leap_days_and_the_senders_word_for_no_end_are_days(home: Path, drops: ModuleType, value: str) -> None:
    feed_id, column = "billing_alpha.subscriptions", "contract_end_on"
    drops.estate(feed_id)
    found = read(BY_ID[feed_id], drops.encode(feed_id, [{**row, column: value} for row in drops.rows(feed_id)]))
    assert not found.faults.rows().size
    assert {f"{day}" for day in found.table[column].to_pylist()} == {value}


def parquet(drops: ModuleType, feed_id: str, column: str, number: int, kind: pa.DataType, rows: int) -> bytes:
    """A file whose sixth row holds this number where a day or time belongs."""
    table = pq.read_table(pa.BufferReader(drops.encode(feed_id, drops.rows(feed_id, rows))))
    place = table.column_names.index(column)
    storage = pa.int32() if kind == pa.date32() else pa.int64()
    values = table[column].cast(storage).to_pylist()
    values[5] = number
    out = BytesIO()
    pq.write_table(table.set_column(place, column, pa.array(values, storage).cast(kind)), out)
    return out.getvalue()


UTC = pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("feed_id", "column", "kind", "number", "rows"),
    [
        (USAGE, "usage_on", pa.date32(), 10_000_000, 200),  # the year 29349, which Python has no date for
        (USAGE, "usage_on", pa.date32(), 2**31 - 1, 200),
        (USAGE, "usage_on", pa.date32(), -2**31 + 1, 200),
        (USAGE, "usage_on", pa.date32(), -719_162, 200),  # 0001-01-01
        ("pm.ericsson", "ropStart", UTC, 4 * 10**17, 2),
        ("pm.ericsson", "ropStart", UTC, -2**63 + 1, 2),
    ],
)
def test_F17_a_parquet_day_of_no_calendar_waits_in_quarantine(
    home: Path, drops: ModuleType, feed_id: str, column: str, kind: pa.DataType, number: int, rows: int
) -> None:
    drops.estate(feed_id)
    count = len(drops.rows(feed_id, rows))
    drops.put(feed_id, parquet(drops, feed_id, column, number, kind, rows), count)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (count - 1, 1)
    (kept,) = drops.quarantined(feed_id)
    assert kept["reasons"] == [f"{column} lies outside the years 1900 to 9999"]


def test_F17_days_written_as_text_in_parquet_are_not_parsed(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    table = pq.read_table(pa.BufferReader(drops.encode(USAGE, drops.rows(USAGE))))
    out = BytesIO()
    text = pa.array(["2026-03-10"] * 3)
    pq.write_table(table.set_column(table.column_names.index("usage_on"), "usage_on", text), out)
    drops.put(USAGE, out.getvalue(), 3)
    with pytest.raises(RejectedFile, match="usage_on is string, the contract wants date"):
        landing.land(drops.AS_OF)


MAPPED = "billing_alpha_old.invoices"


@pytest.mark.parametrize(("written", "is_day"), [("01/02/2026", True), ("2026-02-01", False), ("02/30/2026", False),
                                                 ("30/02/2026", False), ("1/2/26", False)])
def test_F17_days_of_another_form_are_read_only_where_the_estate_declares_it(
    home: Path, drops: ModuleType, written: str, is_day: bool
) -> None:
    drops.estate(MAPPED, like="billing_alpha.invoices", date_format="%d/%m/%Y")
    slashed: list[dict[str, Any]] = [
        {name: f"{value:%d/%m/%Y}" if name.endswith("_on") else value for name, value in row.items()}
        for row in drops.rows("billing_alpha.invoices", 200)]
    slashed[7]["period_start_on"] = written
    drops.drop(MAPPED, slashed)
    (landed,) = landing.land(drops.AS_OF)
    assert landed.quarantined == (0 if is_day else 1)
    if is_day:
        path = home / "raw" / "billing_alpha" / "invoices" / "from=billing_alpha_old" / "dt=2026-03-10" / "data.parquet"
        assert f"{pq.read_table(path, partitioning=None)['period_start_on'][7]}" == "2026-02-01"


@pytest.mark.parametrize(
    "facts",
    [{"date_format": "%d/%m"}, {"date_format": "%m/%Y"}, {"date_format": "%H:%M"}, {"time_format": "%d.%m %H:%M"},
     {"time_format": "%d.%m.%Y %I:%M"}, {"time_format": "%Y-%m-%d %H:%M:%S %Z"}],
    ids=lambda facts: next(iter(facts.values())),
)
def test_F17_a_form_that_leaves_out_the_year_or_names_a_zone_is_refused_in_the_estate(
    home: Path, drops: ModuleType, facts: dict[str, str]
) -> None:
    """strptime would fill in 1900, and pass over the name of a zone."""
    drops.estate(MAPPED, like="billing_alpha.invoices", **facts)
    with pytest.raises(UsageError, match="does not say day, month and year"):
        estate()


@pytest.mark.parametrize("form", ["%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S", "%d.%m.%Y",
                                  "%Y-%m-%d %H:%M:%S%z"])
def test_F17_a_whole_form_is_fine(home: Path, drops: ModuleType, form: str) -> None:
    drops.estate(MAPPED, like="billing_alpha.invoices", date_format="%d %b %Y", time_format=form)
    assert estate().feeds[MAPPED].time_format == form
