"""F06-F08 to the byte: every cut of the last two lines, every cut of a Parquet file, a count off by any number."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.contract import BY_ID
from pipelines.landing.control import Damaged
from pipelines.landing.reading import read

USAGE = "network.usage_daily"
TEXT = ("billing_alpha.accounts", "billing_alpha.invoices", "care.interactions")
FORMS = ("billing_alpha.invoices", "care.interactions", USAGE)


@pytest.mark.parametrize("feed_id", TEXT)
def test_F06_no_cut_of_the_last_two_lines_gives_rows_that_were_not_sent(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    whole = drops.encode(feed_id, drops.rows(feed_id, 5))
    everything = read(BY_ID[feed_id], whole).table
    start = whole[:-1].rfind(b"\n", 0, whole[:-1].rfind(b"\n")) + 1
    refused = 0
    for end in range(start, len(whole)):
        if whole[end - 1:end] == b"\n":
            # Whole lines: nothing in the file can tell, so the count of the control file does (see below).
            rows = whole[start:end].count(b"\n") + 3
            assert read(BY_ID[feed_id], whole[:end]).table.equals(everything.slice(0, rows))
            continue
        with pytest.raises(Damaged, match="was cut"):
            read(BY_ID[feed_id], whole[:end])
        refused += 1
    assert refused == len(whole) - start - 2


@pytest.mark.parametrize("feed_id", TEXT)
def test_F06_a_cut_at_the_end_of_a_line_is_rejected_by_the_count(home: Path, drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id)
    whole = drops.encode(feed_id, drops.rows(feed_id, 5))
    drops.put(feed_id, whole[: whole[:-1].rfind(b"\n") + 1], 5)
    with pytest.raises(RejectedFile, match="4 rows in the data, the control file says 5"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()
    assert drops.reasons_of_rejection(feed_id)


@pytest.mark.parametrize("feed_id", TEXT)
def test_F06_a_cut_that_somebody_ended_with_a_line_end_can_shorten_the_last_value_and_nothing_else(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    """The worst case of a cut: digest, count and line end were all made after it."""
    drops.estate(feed_id)
    feed = BY_ID[feed_id]
    whole = drops.encode(feed_id, drops.rows(feed_id, 5))
    sound = set(read(feed, whole).table.to_pylist()[-1].items())
    last = whole[:-1].rfind(b"\n") + 1
    for end in range(last + 1, len(whole) - 1):
        try:
            found = read(feed, whole[:end] + b"\n")
        except Damaged:
            continue
        # Only CSV gets here: cut within its last value a line still has all its columns.
        lost = sound - set(found.table.to_pylist()[-1].items())
        assert found.faults.rows().tolist() == [4] or {name for name, _ in lost} == {feed.columns[-1].name}


@pytest.mark.parametrize("line", [1, 3, 5], ids=["first", "middle", "last"])
def test_F06_a_quote_that_is_not_closed_never_swallows_the_lines_after_it(
    home: Path, drops: ModuleType, line: int
) -> None:
    accounts = "billing_alpha.accounts"
    drops.estate(accounts)
    lines = drops.encode(accounts, drops.rows(accounts, 5)).split(b"\n")
    opened = lines[line].replace(b'Q"" of \xc3\x96"', b'Q"" of \xc3\x96')
    assert opened != lines[line]
    drops.put(accounts, b"\n".join([*lines[:line], opened, *lines[line + 1:]]), 5)
    with pytest.raises(RejectedFile, match=f"line {line + 1}: a quote is not closed"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(accounts).exists()


@pytest.mark.parametrize("spoil", [
    lambda data: data.replace(b'"topic": "billing"', b'"topic": "billing', 1),
    lambda data: data.replace(b"}\n{", b"} {", 1),
    lambda data: data.replace(b'{"', b'["', 1),
    lambda data: data.replace(b"\n", b"\n\n", 1),
], ids=["open quote", "two objects in a line", "no object", "empty line"])
def test_F06_damaged_json_lines_are_rejected_naming_the_line(home: Path, drops: ModuleType, spoil: object) -> None:
    care = "care.interactions"
    drops.estate(care)
    data = drops.encode(care, drops.rows(care))
    spoilt = spoil(data)  # type: ignore[operator]
    assert spoilt != data
    drops.put(care, spoilt, 3)
    with pytest.raises(RejectedFile, match=r"line [12]: not a JSON object"):
        landing.land(drops.AS_OF)


def test_F07_parquet_cut_at_any_byte_is_refused(drops: ModuleType) -> None:
    whole = drops.encode(USAGE, drops.rows(USAGE))
    for end in [*range(1, len(whole), 7), *range(len(whole) - 64, len(whole))]:
        with pytest.raises(Damaged, match="not a whole Parquet file"):
            read(BY_ID[USAGE], whole[:end])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 20_000), framed=st.booleans())
def test_F07_random_bytes_are_refused_even_between_the_magic_ones(
    drops: ModuleType, seed: int, size: int, framed: bool
) -> None:
    noise = random.Random(seed).randbytes(size)
    with pytest.raises(Damaged, match="Parquet"):
        read(BY_ID[USAGE], b"PAR1" + noise + b"PAR1" if framed else noise)


@pytest.mark.parametrize("length", [1, 40, 10**6, 2**32 - 1])
def test_F07_a_cut_that_happens_to_end_in_the_magic_bytes_is_refused(drops: ModuleType, length: int) -> None:
    marker = length.to_bytes(4, "little") + b"PAR1"
    rows = [{**row, "cell_1_id": "X" * 60 + "@MARKER@"} for row in drops.rows(USAGE)]
    whole = _plain(drops, rows)
    assert b"@MARKER@" in whole
    cut = whole[: whole.index(b"@MARKER@")] + marker
    with pytest.raises(Damaged, match="Parquet"):
        read(BY_ID[USAGE], cut)


def test_F07_one_byte_changed_in_the_data_is_caught_by_the_digest(home: Path, drops: ModuleType) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(RejectedFile, match="sha256 of the data is"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()


def _plain(drops: ModuleType, rows: list[dict[str, object]]) -> bytes:
    """Without compression, so that text stands in the file as it is."""
    out = BytesIO()
    pq.write_table(pq.read_table(pa.BufferReader(drops.encode(USAGE, rows))), out, compression="none")
    return out.getvalue()


@pytest.mark.parametrize("feed_id", FORMS)
def test_F08_a_thousand_said_and_999_sent_is_rejected_and_so_is_one_too_many(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    for sent in (999, 1001):
        drops.drop(feed_id, drops.rows(feed_id, sent), rows=1000)
        with pytest.raises(RejectedFile, match=f"{sent} rows in the data, the control file says 1000"):
            landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()
    assert len(drops.reasons_of_rejection(feed_id)) == 2


@pytest.mark.parametrize("feed_id", FORMS)
def test_F08_a_file_cut_after_its_control_file_was_written_is_rejected_by_the_digest(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    drops.estate(feed_id)
    path = drops.drop(feed_id, drops.rows(feed_id, 20))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RejectedFile, match=r"sha256 of the data is .*, the control file says"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()
