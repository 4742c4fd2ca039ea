"""F13: text is in its declared encoding, with or without a byte order mark; anything else is refused, never garbled."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import landing
from pipelines.errors import RejectedFile

ACCOUNTS, CARE, USAGE = "billing_alpha.accounts", "care.interactions", "network.usage_daily"
REGION = "Köln"
BOM = b"\xef\xbb\xbf"


def text_of(drops: ModuleType, region: str = REGION) -> str:
    """A file of accounts as text; names are plain, so that the region is all there is beside ASCII."""
    rows = [{**row, "customer_name": "Ada", "region": region} for row in drops.rows(ACCOUNTS, 3)]
    return str(drops.encode(ACCOUNTS, rows).decode("utf-8" if drops.sent_feed(ACCOUNTS).dialect.encoding == "utf-8"
                                                   else "latin-1"))


def land(drops: ModuleType, data: bytes) -> list[str]:
    drops.put(ACCOUNTS, data, 3)
    landing.land(drops.AS_OF)
    return list(drops.raw(ACCOUNTS)["region"].to_pylist())


REFUSED = [
    ("utf-8", "latin-1", lambda text: text.encode("latin-1"), "line 2: not UTF-8"),
    ("utf-8", "utf-16 with its mark", lambda text: text.encode("utf-16"), "NUL bytes: not text in UTF-8"),
    ("utf-8", "utf-16 without one", lambda text: text.encode("utf-16-le"), "NUL bytes: not text in UTF-8"),
    ("utf-8", "utf-32", lambda text: text.encode("utf-32"), "NUL bytes: not text in UTF-8"),
    ("utf-8", "a NUL byte", lambda text: text.encode().replace(b"Ada", b"A\0a"), "NUL bytes: not text in UTF-8"),
    ("utf-8", "a quote of CP1252", lambda text: text.encode("ascii", "ignore").replace(b"Ada", b"\x93Ada\x94"),
     "line 2: not UTF-8"),
    ("utf-8", "half an emoji", lambda text: text.replace("Ada", "🐟").encode()[:-1].replace(b"\x90\x9f", b"\x90"),
     "not UTF-8|was cut"),
    ("utf-8", "a surrogate", lambda text: text.replace("Ada", "\ud83d").encode("utf-8", "surrogatepass"),
     "line 2: not UTF-8"),
    ("iso-8859-1", "utf-8", lambda text: text.encode(), "UTF-8"),
    ("iso-8859-1", "utf-8 with a mark", lambda text: BOM + text.encode(), "UTF-8"),
    ("iso-8859-1", "utf-8 without a byte of C1", lambda text: text.replace("ö", "é").encode(),
     "every special character is UTF-8, and ISO8859-1 is declared: it would be garbled"),
    ("iso-8859-1", "an emoji", lambda text: text.replace("Köln", "🐟").encode(), "0x80 to 0x9F"),
    ("iso-8859-1", "utf-16", lambda text: text.encode("utf-16"), "NUL bytes: not text in ISO8859-1"),
    ("iso-8859-1", "a NUL byte", lambda text: text.encode("latin-1").replace(b"Ada", b"A\0a"), "NUL bytes"),
    ("iso-8859-1", "a euro of CP1252", lambda text: text.encode("latin-1").replace(b"Ada", b"\x80Ada"),
     "0x80 to 0x9F: not ISO8859-1, perhaps CP1252 or UTF-8"),
]


@pytest.mark.parametrize(("declared", "what", "spoil", "why"), REFUSED, ids=[f"{d}: {w}" for d, w, _, _ in REFUSED])
def test_F13_what_is_not_of_the_declared_encoding_is_rejected(
    home: Path, drops: ModuleType, declared: str, what: str, spoil: object, why: str
) -> None:
    drops.estate(ACCOUNTS, encoding=declared)
    with pytest.raises(RejectedFile, match=why):
        land(drops, spoil(text_of(drops)))  # type: ignore[operator]
    assert not drops.raw_path(ACCOUNTS).exists()
    assert drops.reasons_of_rejection(ACCOUNTS)


@pytest.mark.parametrize(
    ("declared", "written", "region"),
    [
        ("utf-8", "utf-8", "Köln"), ("utf-8", "utf-8-sig", "Köln"), ("utf-8", "utf-8-sig", "plain"),
        ("utf-8", "utf-8", "🐟 中文 العربية é"), ("utf-8", "utf-8-sig", "👩‍👩‍👧"),
        ("iso-8859-1", "latin-1", "Köln"), ("iso-8859-1", "utf-8-sig", "plain"), ("cp1252", "cp1252", "Köln – “€”"),
        ("iso8859-15", "iso8859-15", "Köln €"), ("iso8859-2", "iso8859-2", "Łódź"),
    ],
)
def test_F13_the_declared_encoding_is_read_as_it_is_with_or_without_a_byte_order_mark(
    home: Path, drops: ModuleType, declared: str, written: str, region: str
) -> None:
    drops.estate(ACCOUNTS)
    text = text_of(drops, region)
    drops.estate(ACCOUNTS, encoding=declared)
    assert land(drops, text.encode(written)) == [region] * 3


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: text.replace("Köln", "Köln").encode("latin-1"), "not UTF-8"),
        (lambda text: text.encode("utf-16"), "NUL bytes"),
        (lambda text: text.encode().replace(b"K", b"\0"), "NUL bytes"),
    ],
    ids=["latin-1", "utf-16", "NUL"],
)
def test_F13_json_lines_are_utf_8_whatever_is_declared(
    home: Path, drops: ModuleType, spoil: object, why: str
) -> None:
    drops.estate(CARE, encoding="iso-8859-1")
    text = drops.encode(CARE, drops.rows(CARE, 3)).decode().replace("my number", "Köln")
    drops.put(CARE, spoil(text), 3)  # type: ignore[operator]
    with pytest.raises(RejectedFile, match=why):
        landing.land(drops.AS_OF)
    drops.put(CARE, BOM + text.replace("Köln", "🐟").encode(), 3)
    assert landing.land(drops.AS_OF)[0].rows == 3


@pytest.mark.parametrize("escaped", [r"\u0000", r"\ud83d"], ids=["NUL", "half a surrogate pair"])
@pytest.mark.parametrize("name", ["interaction_id", "text"])
def test_F13_what_json_can_escape_and_no_text_can_hold_waits_in_quarantine(
    home: Path, drops: ModuleType, name: str, escaped: str
) -> None:
    drops.estate(CARE)
    lines = drops.encode(CARE, drops.rows(CARE, 200)).decode().splitlines(keepends=True)
    lines[7] = lines[7].replace(f'"{name}": "', f'"{name}": "{escaped}')
    drops.put(CARE, "".join(lines).encode(), 200)
    (landed,) = landing.land(drops.AS_OF)
    assert (landed.rows, landed.quarantined) == (199, 1)
    (kept,) = drops.quarantined(CARE)
    assert kept["line"] == 8
    assert kept["reasons"][0].startswith(f"{name} has ")
    assert escaped in kept["row"]


def test_F13_parquet_text_that_is_not_utf_8_is_rejected_naming_the_column(
    home: Path, drops: ModuleType, tmp_path: Path
) -> None:
    drops.estate(USAGE)
    table = pq.read_table(drops.drop(USAGE, drops.rows(USAGE, 3)), partitioning=None)
    latin = pa.array(["K\xf6ln".encode("latin-1")] * 3, pa.binary()).view(pa.string())
    pq.write_table(table.set_column(table.column_names.index("cell_1_id"), "cell_1_id", latin), tmp_path / "latin")
    drops.put(USAGE, (tmp_path / "latin").read_bytes(), 3)
    with pytest.raises(RejectedFile, match="cell_1_id has text that is not UTF-8"):
        landing.land(drops.AS_OF)
