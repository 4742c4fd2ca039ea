"""S08: files made to exhaust the reader are refused in seconds and in bounded memory, before anything is unpacked."""

from __future__ import annotations

import io
import os
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations import thresholds
from pipelines import landing
from pipelines.errors import RejectedFile

USAGE = "network.usage_daily"
ACCOUNTS = "billing_alpha.accounts"
CARE = "care.interactions"
SECONDS = 15.0  # the slowest takes 2 s on a quiet machine; a reader that unpacks what it is sent takes minutes
MEGABYTES = 400  # a part of a sound drop takes about 250 MB
MB = 2**20

Make = Callable[[ModuleType], bytes]


def peak_of(work: Callable[[], str]) -> tuple[str, float]:
    """What `work` says in a process of its own, and by how many MB its memory grew at its peak (Linux)."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            before = _kilobytes("VmRSS")
            Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
            said = work()
            os.write(write, f"{(_kilobytes('VmHWM') - before) / 1024:.0f} {said}".encode()[:4000])
        except BaseException as error:  # a child must never go on as a second test run
            os.write(write, f"0 crashed: {error!r}".encode()[:4000])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        grown, _, said = pipe.read().decode().partition(" ")
    os.waitpid(child, 0)
    return said, float(grown)


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def refusal(drops: ModuleType) -> str:
    try:
        landing.land(drops.AS_OF)
    except RejectedFile as rejected:
        return "; ".join(rejected.reasons)
    return "landed"


def parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, write_statistics=False, **options)  # those of a long text take half a minute
    return out.getvalue()


def usage_with(drops: ModuleType, rows: int, column: str, values: pa.Array) -> pa.Table:
    """Usage rows of one line, with one column of our own making."""
    one = pq.read_table(io.BytesIO(drops.encode(USAGE, drops.rows(USAGE, 1))))
    table = one.take(pa.array([0] * rows))
    return table.set_column(table.schema.get_field_index(column), column, values)


def dictionary_bomb(drops: ModuleType) -> bytes:
    """One text of 50 MB that nothing can compress, a million times: 50 MB on disk, 50 TB as rows."""
    text = os.urandom(25 * MB).hex()
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array([text]))
    return parquet(usage_with(drops, 1_000_000, "cell_1_id", values), dictionary_pagesize_limit=200 * MB,
                   compression="none")


def repeated_bomb(drops: ModuleType) -> bytes:
    """The same of one letter: it packs to nothing."""
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array(["x" * 50 * MB]))
    return parquet(usage_with(drops, 1_000_000, "cell_1_id", values), dictionary_pagesize_limit=200 * MB,
                   compression="zstd")


def page_bomb(drops: ModuleType) -> bytes:
    """A single page that unpacks to 600 MB, from a file a five-hundredth of it: the ratio alone would allow it."""
    values = pa.array([os.urandom(8).hex() + "x" * 9_984 for _ in range(1_000)])
    return parquet(usage_with(drops, 60_000, "cell_1_id", values.take(pa.array(list(range(1_000)) * 60))),
                   use_dictionary=False, data_page_size=2**30, compression="zstd")


def footer_bomb(drops: ModuleType) -> bytes:
    """A footer that says it has 4 GB."""
    data = drops.encode(USAGE, drops.rows(USAGE))
    return bytes(data[:-8] + struct.pack("<I", 2**32 - 1) + b"PAR1")


def long_footer(drops: ModuleType) -> bytes:
    """A footer of 17 MB that really is there."""
    table = pq.read_table(io.BytesIO(drops.encode(USAGE, drops.rows(USAGE))))
    return parquet(table.replace_schema_metadata({"note": "x" * 17 * MB}))


def million_columns(_: ModuleType) -> bytes:
    names = [f"c{number}" for number in range(1_000_000)]
    return (";".join(names) + "\n" + ";" * 999_999 + "\n").encode()


def thousands_of_columns(drops: ModuleType) -> bytes:
    rows = drops.rows(ACCOUNTS)
    extra = [f"c{number}" for number in range(2_000)]
    return bytes(drops.encode(ACCOUNTS, rows, [*rows[0], *extra]))


def parquet_columns(_: ModuleType) -> bytes:
    return parquet(pa.table({f"c{number}": [1] for number in range(5_000)}))


def parquet_of_another_feed(_: ModuleType) -> bytes:
    return parquet(pa.table({"subscriber": ["a"], "text": ["b"]}))


def parquet_of_lists(drops: ModuleType) -> bytes:
    """A text column that holds lists: its leaf has another name."""
    return parquet(usage_with(drops, 1, "cell_1_id", pa.array([["C00000"]])))


def long_line(drops: ModuleType) -> bytes:
    header, first, _ = drops.encode(ACCOUNTS, drops.rows(ACCOUNTS, 1)).split(b"\n")
    return bytes(header + b"\n" + first + b"\n" + b"A" * 100 * MB + b"\n")


def endless_line(_: ModuleType) -> bytes:
    return b"a" * 100 * MB


def long_value(drops: ModuleType) -> bytes:
    """A line of 20 MB fits a block, and no reader may take it."""
    return bytes(drops.encode(ACCOUNTS, [{**drops.account(0, drops.DT), "customer_name": "A" * 20 * MB}]))


def deep(_: ModuleType) -> bytes:
    return b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"


def deep_objects(_: ModuleType) -> bytes:
    return b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n"


def million_keys(_: ModuleType) -> bytes:
    return ("{" + ", ".join(f'"k{number}": 0' for number in range(1_000_000)) + "}\n").encode()


def keys_over_lines(drops: ModuleType) -> bytes:
    """Ten thousand keys a line and no line too long: 200,000 in all."""
    line = drops.encode(CARE, drops.rows(CARE, 1)).decode().rstrip("}\n")
    return "".join(
        f"{line}, " + ", ".join(f'"k{number}": 0' for number in range(at, at + 10_000)) + "}\n"
        for at in range(0, 200_000, 10_000)
    ).encode()


def long_number(drops: ModuleType) -> bytes:
    """Turning a million digits into a number takes minutes."""
    return bytes(drops.encode(CARE, drops.rows(CARE, 1)).replace(b'"wait_seconds": 40',
                                                                 b'"wait_seconds": ' + b"9" * 1_000_000))


BOMBS: list[tuple[str, Make, int, str]] = [
    (USAGE, dictionary_bomb, 1_000_000, r"cell_1_id has a value of 52428800 bytes"),
    (USAGE, repeated_bomb, 1_000_000, "that unpack to|a value of 52428800 bytes"),
    (USAGE, page_bomb, 60_000, "a column of a row group that unpacks to 6"),
    (USAGE, footer_bomb, 3, "no magic bytes"),
    (USAGE, long_footer, 3, "its footer has"),
    (USAGE, parquet_columns, 1, "5000 columns, more than the 1000"),
    (USAGE, parquet_of_another_feed, 1, "none of the contract's columns"),
    (USAGE, parquet_of_lists, 1, "cell_1_id is list"),
    (ACCOUNTS, million_columns, 1, "line 1: longer than"),
    (ACCOUNTS, thousands_of_columns, 3, "columns, more than the 1000"),
    (ACCOUNTS, long_line, 2, "line 3: longer than"),
    (ACCOUNTS, endless_line, 1, "line 1: longer than"),
    (ACCOUNTS, long_value, 1, "line 2: longer than"),
    (CARE, deep, 1, "line 1: not a JSON object"),
    (CARE, deep_objects, 1, "line 1: not a JSON object"),
    (CARE, million_keys, 1, "line 1: longer than"),
    (CARE, keys_over_lines, 20, "columns, more than the 1000"),
    (CARE, long_number, 1, "line 1: not a JSON object"),
]


@pytest.mark.parametrize(("feed_id", "make", "rows", "why"), BOMBS, ids=[make.__name__ for _, make, _, _ in BOMBS])
def test_S08_a_file_made_to_exhaust_the_reader_is_refused_in_seconds_and_in_bounded_memory(
    home: Path, drops: ModuleType, feed_id: str, make: Make, rows: int, why: str
) -> None:
    drops.estate(feed_id)
    drops.put(feed_id, make(drops), rows)
    started = time.monotonic()
    said, grown = peak_of(lambda: refusal(drops))
    took = time.monotonic() - started
    assert re.search(why, said), said[:500]
    assert took < SECONDS
    assert grown < MEGABYTES, f"{grown:.0f} MB for {make.__name__}"
    assert not drops.raw_path(feed_id).exists()
    assert drops.reasons_of_rejection(feed_id)


def test_S08_a_file_beyond_the_cap_is_refused_before_its_digest_is_taken(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    monkeypatch.setattr(thresholds, "MAX_FILE_BYTES", 1_000)
    with pytest.raises(RejectedFile, match=f"the file has {path.stat().st_size} bytes, more than the 1000"):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()


@pytest.mark.parametrize(("said", "why"), [(3, "rows is not within 0 and 2"), (2, "3 rows, more than the 2")])
def test_S08_more_rows_than_a_drop_may_have_are_refused_whether_its_sender_says_so_or_not(
    home: Path, drops: ModuleType, monkeypatch: pytest.MonkeyPatch, said: int, why: str
) -> None:
    monkeypatch.setattr(thresholds, "MAX_ROWS", 2)
    drops.estate(USAGE)
    drops.drop(USAGE, drops.rows(USAGE, 3))
    drops.say(USAGE, rows=said)
    with pytest.raises(RejectedFile, match=why):
        landing.land(drops.AS_OF)


CONTROLS = {
    "deep": (b"[" * 30_000, "not JSON"),
    "long": (b" " * 70_000, "larger than"),
    "long number": (b'{"rows": ' + b"9" * 5_000 + b"}", "not JSON"),
    "not text": (b"\xff\xfe", "not JSON"),
}


@pytest.mark.parametrize("what", CONTROLS)
def test_S08_a_control_file_made_to_exhaust_the_reader_rejects_the_drop(
    home: Path, drops: ModuleType, what: str
) -> None:
    drops.estate(USAGE)
    path = drops.drop(USAGE)
    data, why = CONTROLS[what]
    path.with_name(path.name + ".ctl").write_bytes(data)
    with pytest.raises(RejectedFile, match=why):
        landing.land(drops.AS_OF)


@pytest.mark.parametrize(
    "said",
    [{"rows": -3}, {"rows": 10**18}, {"rows": 10**400}, {"rows": True}, {"produced_at": "9999-12-31T23:59:59Z"}],
    ids=["fewer than none", "a quintillion rows", "more than a float holds", "a flag", "the end of time"],
)
def test_S08_a_control_file_that_says_the_impossible_rejects_the_drop_and_its_correction(
    home: Path, drops: ModuleType, said: dict[str, object]
) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE, **said)
    with pytest.raises(RejectedFile):
        landing.land(drops.AS_OF)
    drops.drop(USAGE)
    landing.land(drops.AS_OF)
    before = drops.raw_path(USAGE).read_bytes()
    drops.drop(USAGE, drops.rows(USAGE, 4), **said)
    with pytest.raises(RejectedFile):
        landing.land(drops.AS_OF)
    assert drops.raw_path(USAGE).read_bytes() == before
