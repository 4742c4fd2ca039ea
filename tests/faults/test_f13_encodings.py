"""F13: a file is text of the encoding its sender declared, or it is rejected; nothing is garbled or guessed."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.contract import BY_ID
from pipelines.landing.control import Damaged
from pipelines.landing.reading import read

ACCOUNTS = "billing_alpha.accounts"
CARE = "care.interactions"
USAGE = "network.usage_daily"
REGION = "Zürich-É"


def file(drops: ModuleType, region: str = REGION) -> str:
    """Three accounts as text; `drops` would write them in the encoding the estate declares."""
    drops.estate(ACCOUNTS)
    data = drops.encode(ACCOUNTS, [{**row, "region": region} for row in drops.rows(ACCOUNTS)])
    text: str = data.decode("utf-8")
    return text


def land(drops: ModuleType, data: bytes, encoding: str) -> list[str]:
    """The regions in raw/ after this file of three accounts, in an estate that declares this encoding."""
    drops.estate(ACCOUNTS, encoding=encoding)
    drops.put(ACCOUNTS, data, 3)
    landing.land(drops.AS_OF)
    regions: list[str] = drops.raw(ACCOUNTS)["region"].to_pylist()
    return regions


FIXTURES = {
    "latin-1": lambda text: text.encode("latin-1"),
    "utf-16": lambda text: text.encode("utf-16"),
    "bom": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "nul": lambda text: text.encode().replace(b"north", b"no\0th").replace(b"consumer", b"con\0umer", 1),
    "emoji": lambda text: text.replace(REGION, "north 🐟").encode(),
}


@pytest.mark.parametrize("fixture", ["latin-1", "utf-16", "nul"])
def test_F13_in_a_feed_declared_utf_8_these_are_rejected(home: Path, drops: ModuleType, fixture: str) -> None:
    data = FIXTURES[fixture](file(drops))
    with pytest.raises(RejectedFile, match="UTF-8"):
        land(drops, data, "utf-8")
    assert not drops.raw_path(ACCOUNTS).exists()
    assert "UTF-8" in drops.reasons_of_rejection(ACCOUNTS)[0]


@pytest.mark.parametrize(("fixture", "region"), [("bom", REGION), ("emoji", "north 🐟")])
def test_F13_in_a_feed_declared_utf_8_these_are_fine(home: Path, drops: ModuleType, fixture: str, region: str) -> None:
    assert land(drops, FIXTURES[fixture](file(drops)), "utf-8") == [region] * 3


@pytest.mark.parametrize("name", ["iso-8859-1", "latin1", "ISO_8859-1"])
def test_F13_in_a_feed_declared_iso_8859_1_such_a_file_is_read_as_it_was_meant(
    home: Path, drops: ModuleType, name: str
) -> None:
    assert land(drops, FIXTURES["latin-1"](file(drops)), name) == [REGION] * 3


@pytest.mark.parametrize(
    ("fixture", "why"),
    [("utf-16", "NUL bytes"), ("nul", "NUL bytes"), ("bom", "control characters|is UTF-8"), ("emoji", "control char")],
)
def test_F13_in_a_feed_declared_iso_8859_1_the_others_are_rejected(
    home: Path, drops: ModuleType, fixture: str, why: str
) -> None:
    data = FIXTURES[fixture](file(drops))
    with pytest.raises(RejectedFile, match=why) as rejected:
        land(drops, data, "iso-8859-1")
    assert "ISO8859-1" in str(rejected.value)
    assert not drops.raw_path(ACCOUNTS).exists()


@pytest.mark.parametrize("region", ["Malmö", "Łódź", "Ärmel", "Besançon", "Ñuñoa"])
def test_F13_utf_8_where_iso_8859_1_is_declared_is_refused_whatever_the_letters(
    home: Path, drops: ModuleType, region: str
) -> None:
    """The customers' names hold an Ö, which is C3 96: without it only the letters of the region are there to tell."""
    data = file(drops, region).replace("Ö", "O").encode()
    with pytest.raises(RejectedFile, match="ISO8859-1"):
        land(drops, data, "iso-8859-1")


@pytest.mark.parametrize("byte", [0x80, 0x85, 0x92, 0x9F])
def test_F13_the_c1_range_is_refused_where_iso_8859_1_is_declared(home: Path, drops: ModuleType, byte: int) -> None:
    """0x92 is how a Windows program writes an apostrophe; in ISO 8859-1 it is a control character nobody sends."""
    data = file(drops, "north").encode("latin-1").replace(b"north", b"no" + bytes([byte]) + b"th", 1)
    with pytest.raises(RejectedFile, match="control characters 0x80 to 0x9F"):
        land(drops, data, "iso-8859-1")


def test_F13_the_same_byte_is_an_apostrophe_where_cp1252_is_declared(home: Path, drops: ModuleType) -> None:
    data = file(drops, "Val d’Or").encode("cp1252")
    assert b"\x92" in data
    assert land(drops, data, "cp1252") == ["Val d’Or"] * 3


@pytest.mark.parametrize("bad", [b"\xc3\x28", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"\xe2\x82"])
def test_F13_bytes_that_only_look_like_utf_8_are_refused_naming_the_line(
    home: Path, drops: ModuleType, bad: bytes
) -> None:
    data = file(drops, "north").encode().replace(b"north", bad, 2)
    with pytest.raises(RejectedFile, match="line 2: not UTF-8"):
        land(drops, data, "utf-8")


def with_text(drops: ModuleType, number: int, **text: str) -> bytes:
    rows = drops.rows(CARE, 200)
    rows[number] |= text
    data: bytes = drops.encode(CARE, rows)
    return data


@pytest.mark.parametrize(
    ("text", "why"),
    [("call \ud83d", "has half of a surrogate pair"), ("\udc1f call", "has half of a surrogate pair"),
     ("a\0b", "has a NUL character")],
    ids=["first half", "second half", "NUL"],
)
def test_F13_what_json_can_say_and_no_text_can_hold_is_its_rows_fault(
    home: Path, drops: ModuleType, text: str, why: str
) -> None:
    drops.estate(CARE)
    data = with_text(drops, 7, text=text)
    assert b"\\u" in data
    drops.put(CARE, data, 200)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (199, 1)
    (kept,) = drops.quarantined(CARE)
    assert kept["line"] == 8
    assert why in kept["reasons"][0]
    assert json.loads(kept["row"])["text"] == text


def test_F13_an_emoji_that_json_wrote_as_two_escapes_is_one_character(home: Path, drops: ModuleType) -> None:
    drops.estate(CARE)
    data = with_text(drops, 7, text="thanks 🐟")
    assert b"\\ud83d\\udc1f" in data
    drops.put(CARE, data, 200)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (200, 0)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_F13_json_lines_in_another_encoding_are_rejected(home: Path, drops: ModuleType, encoding: str) -> None:
    drops.estate(CARE)
    rows = [{**row, "text": "grüße"} for row in drops.rows(CARE)]
    text = "".join(json.dumps(json.loads(line), ensure_ascii=False) + "\n"
                   for line in drops.encode(CARE, rows).splitlines())
    drops.put(CARE, text.encode(encoding), 3)
    with pytest.raises(RejectedFile, match="UTF-8"):
        landing.land(drops.AS_OF)


def with_bytes(drops: ModuleType, value: bytes, count: int) -> bytes:
    """A usage file whose second row has these bytes for text; Parquet does not look."""
    table = pq.read_table(pa.BufferReader(drops.encode(USAGE, drops.rows(USAGE, count))))
    cells = [b"C00001"] * count
    cells[1] = value
    coded = pa.array(cells, pa.binary())
    text = pa.Array.from_buffers(pa.string(), count, coded.buffers())
    out = BytesIO()
    pq.write_table(table.set_column(table.column_names.index("cell_1_id"), "cell_1_id", text), out)
    return out.getvalue()


@pytest.mark.parametrize("value", ["Zürich".encode("latin-1"), "C1".encode("utf-16"), b"\xed\xa0\x80"])
def test_F13_text_in_parquet_that_is_not_utf_8_rejects_the_file(home: Path, drops: ModuleType, value: bytes) -> None:
    drops.estate(USAGE)
    drops.put(USAGE, with_bytes(drops, value, 3), 3)
    with pytest.raises(RejectedFile, match="cell_1_id has text that is not UTF-8"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()


def test_F13_a_nul_in_parquet_text_is_its_rows_fault(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    drops.put(USAGE, with_bytes(drops, b"C0\x00001", 200), 200)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (199, 1)
    assert drops.quarantined(USAGE)[0]["reasons"] == ["cell_1_id has a NUL character"]


def test_F13_a_parquet_column_whose_name_is_not_utf_8_rejects_the_file(drops: ModuleType) -> None:
    rows = [{**row, "colxxour": "red"} for row in drops.rows(USAGE)]
    data = drops.encode(USAGE, rows, [*(column.name for column in BY_ID[USAGE].columns), "colxxour"])
    assert b"colxxour" in data
    with pytest.raises(Damaged, match="not a whole Parquet file"):
        read(BY_ID[USAGE], data.replace(b"colxxour", b"col\xff\xfeour"))
