"""Every file either input writes is what the landing contract says, read here by the contract alone."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.estate import load
from pipelines.importers import ibm_telco
from pipelines.importers.drops import OpenDrop, csv_lines, json_lines, schema
from pipelines.landing.contract import FEEDS, Column, Feed, Form, Type
from pipelines.settings import settings
from pipelines.simulate import simulate

IBM = """customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,\
OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,\
PaymentMethod,MonthlyCharges,TotalCharges,Churn
7590-VHVEG,Female,0,Yes,No,1,No,No phone service,DSL,No,Yes,No,No,No,No,Month-to-month,No,Mailed check,29.85,29.85,No
5575-GNVDE,Male,0,No,No,34,Yes,No,DSL,Yes,No,Yes,No,No,No,One year,No,Mailed check,56.95,1889.5,No
3668-QPYBK,Male,1,No,No,2,Yes,No,DSL,Yes,Yes,No,No,No,No,Month-to-month,Yes,Mailed check,53.85,108.15,Yes
"""


@pytest.fixture(scope="module", params=["simulated", "simulated day by day", "imported"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home each input has written into."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(place))
        settings.cache_clear()
        if request.param == "imported":
            (place / "table.csv").write_text(IBM, encoding="utf-8")
            ibm_telco(place / "table.csv", date(2026, 10, 1))
        else:
            simulate(subscribers=120, days=25, nights=2, seed=3, day_zero=request.param == "simulated")
        yield place
    settings.cache_clear()


def drops(home: Path, feed: Feed) -> list[Path]:
    return sorted((home / "landing" / feed.source / feed.name).glob("dt=*"))


def rows(feed: Feed, path: Path) -> list[dict[str, Any]]:
    """Rows as text (CSV), JSON values, or Arrow values."""
    if feed.form is Form.CSV:
        with path.open(newline="", encoding=encoding(feed)) as handle:
            return list(csv.DictReader(handle, delimiter=";"))
    if feed.form is Form.JSONL:
        return [json.loads(line, parse_float=Decimal) for line in path.read_text(encoding="utf-8").splitlines()]
    return pq.read_table(path).to_pylist()


def encoding(feed: Feed) -> str:
    facts = load(settings().estate_file).feeds.get(feed.id)
    return facts.encoding if facts else "utf-8"


def is_typed(column: Column, value: Any) -> bool:
    """Whether a value has the contract's type in its written form."""
    if value in (None, ""):
        return column.nullable
    if column.values and value not in column.values:
        return False
    text = str(value)
    match column.type:
        case Type.INTEGER:
            return text.lstrip("-").isdigit()
        case Type.DOUBLE:
            return value is not True and math.isfinite(float(text))
        case Type.DECIMAL:
            return isinstance(value, Decimal) and value == round(value, 4)
        case Type.BOOLEAN:
            return value is True or value is False or value in ("true", "false")
        case Type.DATE:
            return date.fromisoformat(text).isoformat() == text
        case Type.LOCAL_TIME:
            return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").isoformat(" ") == text
        case Type.INSTANT if isinstance(value, datetime):
            return value.tzinfo is None
        case Type.INSTANT:
            return text.endswith("Z") and bool(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
        case _:
            return isinstance(value, str)


def test_every_delivered_feed_has_a_drop_for_every_expected_day(home: Path):
    facts = load(home / "estate.toml")
    checked = 0
    for feed in FEEDS:
        found = [date.fromisoformat(path.name.removeprefix("dt=")) for path in drops(home, feed)]
        if feed.id not in facts.delivered():
            assert not found, f"{feed.id} is not delivered and has drops"
            continue
        checked += 1
        last = found[-1]
        assert not facts.expects(date.fromordinal(last.toordinal() + 1)), f"{feed.id} stops at {last}"
        assert facts.expects(last)
        days = [found[0].toordinal() + n for n in range(len(found))]
        assert [day.toordinal() for day in found] == days, f"{feed.id}: holes between its drops"
    assert checked >= 4


def test_every_control_file_vouches_for_its_data(home: Path):
    checked = 0
    for feed in FEEDS:
        for folder in drops(home, feed):
            control = json.loads((folder / f"{feed.file_name}.ctl").read_text())
            data = folder / feed.file_name
            content = data.read_bytes() if data.exists() else b""
            assert control["feed"] == feed.id
            assert control["dt"] == folder.name.removeprefix("dt=")
            assert control["schema_version"] == feed.schema_version
            assert control["sha256"] == sha256(content).hexdigest(), folder
            assert control["rows"] == (len(rows(feed, data)) if data.exists() else 0), folder
            assert control.get("empty", False) is not data.exists(), folder
            checked += 1
    assert checked > 40


def test_every_row_has_the_columns_types_and_values_of_the_contract(home: Path):
    checked = 0
    for feed in FEEDS:
        for folder in drops(home, feed):
            if not (folder / feed.file_name).exists():
                continue
            found = rows(feed, folder / feed.file_name)
            assert found, folder
            assert list(found[0]) == [column.name for column in feed.columns], folder
            for column in feed.columns:
                wrong = [row[column.name] for row in found if not is_typed(column, row[column.name])]
                assert not wrong, f"{folder} {column.name}: {wrong[:3]}"
            keys = [tuple(row[name] for name in feed.key) for row in found]
            assert len(set(keys)) == len(keys), f"{folder}: keys repeat"
            checked += len(found)
    assert checked > 20


def test_nothing_is_told_before_it_happened(home: Path):
    """A drop of day dt holds no event after dt; after the first drop it holds only the events of dt."""
    for feed in FEEDS:
        for position, folder in enumerate(drops(home, feed)):
            if (folder / feed.file_name).exists():
                dt = folder.name.removeprefix("dt=")
                days = {str(row[feed.event_time])[:10] for row in rows(feed, folder / feed.file_name)}
                assert max(days) <= dt, folder
                assert position == 0 or days == {dt}, folder


def test_parquet_drops_have_the_types_of_the_contract(home: Path):
    checked = 0
    for feed in FEEDS:
        for folder in drops(home, feed) if feed.form is Form.PARQUET else []:
            if (folder / feed.file_name).exists():
                types = {field.name: field.type for field in pq.read_schema(folder / feed.file_name)}
                assert types == {field.name: PARQUET.get(field.type, field.type) for field in schema(feed)}, folder
                checked += 1
    delivered = load(home / "estate.toml").delivered()
    assert checked >= sum(feed.form is Form.PARQUET and feed.id in delivered for feed in FEEDS)


PARQUET = {pa.timestamp("s"): pa.timestamp("ms")}  # Parquet knows no seconds


@pytest.fixture
def feed() -> Feed:
    return next(feed for feed in FEEDS if feed.id == "care.complaints")


def complaint(text: str | None) -> pa.Table:
    return pa.table({
        "complaint_id": ["K1"], "msisdn": ["+99910"], "interaction_id": pa.array([None], pa.string()),
        "category": ["network"], "status": ["open"], "changed_at": pa.array([datetime(2026, 1, 2, 3, 4, 5)]),
        "text": pa.array([text], pa.string()),
    })


@pytest.mark.parametrize(
    "text", ['a "quoted" word', "back\\slash", "two\nlines\tand a tab", "Ünï \u0001 code", "", None])
def test_free_text_survives_json_whatever_it_holds(feed: Feed, text: str | None):
    line = bytes(json_lines(feed, complaint(text))).decode()
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "complaint_id": "K1", "msisdn": "+99910", "interaction_id": None, "category": "network", "status": "open",
        "changed_at": "2026-01-02T03:04:05Z", "text": text,
    }


@pytest.mark.parametrize("text", ["semi;colon", 'a "quote"', "plain", None])
def test_csv_quotes_a_value_only_where_it_must(feed: Feed, text: str | None):
    line = bytes(csv_lines(feed, complaint(text))).decode()
    assert next(csv.reader([line], delimiter=";"))[-1] == (text or "")
    assert ('"' in line) == (text is not None and text != "plain")


def test_a_drop_written_in_pieces_has_the_bytes_of_one_written_at_once(feed: Feed, home: Path):
    pieces = [complaint(f"text {number}") for number in range(5)]
    whole, parts = OpenDrop(feed, date(2030, 1, 1)), OpenDrop(feed, date(2030, 1, 2))
    whole.add(pa.concat_tables(pieces))
    for piece in pieces:
        parts.add(piece)
    assert whole.close() == parts.close() == 5
    folders = [home / "landing/care/complaints" / f"dt=2030-01-0{day}" for day in (1, 2)]
    try:
        contents = [(folder / feed.file_name).read_bytes() for folder in folders]
        assert contents[0] == contents[1]
    finally:
        for folder in folders:
            shutil.rmtree(folder)
