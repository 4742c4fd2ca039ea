"""F06-F08: cut files, open quotes, half Parquet, and control files that do not agree with their data."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines import landing
from pipelines.errors import RejectedFile
from pipelines.landing.control import Damaged
from pipelines.landing.reading import read
from pipelines.landing.senders import feed as sent_feed

ACCOUNTS = "billing_alpha.accounts"
USAGE = "network.usage_daily"
CARE = "care.interactions"
CUTS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def last_two_lines(data: bytes) -> int:
    return len(data) - len(b"\n".join(data.split(b"\n")[-3:]))


@pytest.mark.parametrize("feed_id", [ACCOUNTS, CARE])
@CUTS
@given(where=st.floats(0, 1, exclude_max=True))
def test_F06_a_file_cut_anywhere_in_its_last_two_lines_is_rejected_even_when_its_digest_was_taken_after_the_cut(
    home: Path, drops: ModuleType, feed_id: str, where: float
) -> None:
    drops.estate(feed_id)
    whole = drops.encode(feed_id, drops.rows(feed_id, 5))
    start = last_two_lines(whole)
    cut = whole[: start + int(where * (len(whole) - start))]
    drops.put(feed_id, cut, 5)
    with pytest.raises(RejectedFile):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(feed_id).exists()


@pytest.mark.parametrize("feed_id", [ACCOUNTS, CARE, "pm.huawei"])
def test_F06_cut_at_every_byte_of_its_last_two_lines_a_file_never_reads_as_whole(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    whole = drops.encode(feed_id, drops.rows(feed_id, 5))
    rows = read(sent_feed(feed_id), whole).table.num_rows
    start, refused = last_two_lines(whole), 0
    for end in range(start, len(whole)):
        try:
            found = read(sent_feed(feed_id), whole[:end]).table.num_rows
        except Damaged:
            refused += 1
        else:
            assert found < rows, end  # cut between two lines: the control file's count refuses it
    assert refused == len(whole) - start - 2  # two cuts are between lines


@pytest.mark.parametrize("feed_id", [ACCOUNTS, "pm.huawei"])
def test_F06_a_quote_opened_at_any_byte_is_refused_or_is_a_value_of_its_row_alone(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    rows = drops.rows(feed_id, 3)[:3]
    whole = drops.encode(feed_id, rows)
    for at in range(len(whole) + 1):
        try:
            found = read(sent_feed(feed_id), whole[:at] + b'"' + whole[at:])
        except Damaged:
            continue
        assert found.table.num_rows == len(rows), at


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda data: data.replace(b'""Q', b'"Q', 1), "line 2: a quote is not closed"),
        (lambda data: data.replace(b'"Ms. 2', b"Ms. 2", 1), "line 4: a quote"),
        (lambda data: data.replace(b"\nA0000001;", b"\nA0000001;;", 1), "not the columns of the header"),
        (lambda data: data.replace(b";north;", b";", 1), "not the columns of the header"),
        (lambda data: data[:-1], "was cut"),
        (lambda data: data + b"\n", "an empty line"),
        (lambda data: data.replace(b"north", b"nor\rth", 1), "carriage return"),
        (lambda data: data.split(b"\n", 1)[1], "no header line"),
    ],
    ids=["open quote", "quote inside a value", "a value too many", "a value too few", "no end of line", "empty line",
         "carriage return", "no header"],
)
def test_F06_a_damaged_csv_is_rejected_with_what_is_wrong(
    home: Path, drops: ModuleType, spoil: object, why: str
) -> None:
    drops.estate(ACCOUNTS)
    data = drops.encode(ACCOUNTS, drops.rows(ACCOUNTS))
    spoilt = spoil(data)  # type: ignore[operator]
    assert spoilt != data
    drops.put(ACCOUNTS, spoilt, 3)
    with pytest.raises(RejectedFile, match=why):
        landing.land(drops.AS_OF)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_F07_a_half_written_parquet_file_is_rejected_for_its_missing_magic_bytes(
    home: Path, drops: ModuleType, share: float
) -> None:
    drops.estate(USAGE)
    data = drops.encode(USAGE, drops.rows(USAGE))
    drops.put(USAGE, data[: int(len(data) * share)], 3)
    with pytest.raises(RejectedFile, match="no magic bytes"):
        landing.land(drops.AS_OF)


@given(where=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(where=0.1)
@example(where=0.5)
@example(where=0.99)
def test_F07_cut_at_any_byte_a_parquet_file_is_refused(home: Path, drops: ModuleType, where: float) -> None:
    for feed_id in (USAGE, "pm.samsung"):
        whole = drops.encode(feed_id, drops.rows(feed_id))
        with pytest.raises(Damaged, match=r"not a whole Parquet file|no bytes"):
            read(sent_feed(feed_id), whole[: int(where * len(whole))])


@pytest.mark.parametrize("kind", ["end", "middle"])
def test_F07_a_parquet_file_with_a_hole_in_it_is_refused(home: Path, drops: ModuleType, kind: str) -> None:
    drops.estate(USAGE)
    whole = drops.encode(USAGE, drops.rows(USAGE, 2000))
    at = len(whole) // 3
    spoilt = whole[:at] + bytes(len(whole) // 3) + whole[2 * at:] if kind == "middle" else whole[:at] + whole[2 * at:]
    drops.put(USAGE, spoilt, 2000)
    with pytest.raises(RejectedFile):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()


@pytest.mark.parametrize("feed_id", [USAGE, "pm.samsung", CARE, ACCOUNTS])
def test_F07_a_file_with_flipped_bytes_is_read_or_refused_and_never_falls_over(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    dice = random.Random(7)
    whole, refused = drops.encode(feed_id, drops.rows(feed_id, 5)), 0
    for _ in range(400):
        spoilt = bytearray(whole)
        for _ in range(dice.choice((1, 2, 5))):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        try:
            read(sent_feed(feed_id), bytes(spoilt))
        except Damaged:
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("rows", [999, 1001])
def test_F08_a_count_that_is_one_off_rejects_a_drop_of_a_thousand_in_every_form(
    home: Path, drops: ModuleType, rows: int
) -> None:
    feeds = (ACCOUNTS, USAGE, CARE)
    drops.estate(*feeds)
    for feed_id in feeds:
        drops.drop(feed_id, drops.rows(feed_id, 1000), rows=rows)
    with pytest.raises(RejectedFile) as told:
        landing.land(drops.AS_OF)
    assert str(told.value).count(f"1000 rows in the data, the control file says {rows}") == 3
    assert not [feed_id for feed_id in feeds if drops.raw_path(feed_id).exists()]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"rows": 1000}, "3 rows in the data, the control file says 1000"),
        ({"sha256": "0" * 64}, "sha256 of the data is"),
        ({"feed": "care.calls"}, "feed is 'care.calls'"),
        ({"dt": "2026-03-09"}, "dt is '2026-03-09'"),
        ({"schema_version": 2}, "schema_version is 2"),
        ({"produced_at": "2026-03-11 01:00"}, "produced_at is not an instant"),
        ({"rows": "3"}, "rows is not int"),
        ({"rows": 0, "empty": True}, "a data file beside it"),
    ],
)
def test_F08_a_control_file_that_disagrees_rejects_the_drop(
    home: Path, drops: ModuleType, said: dict[str, object], why: str
) -> None:
    drops.estate(USAGE)
    drops.drop(USAGE)
    drops.say(USAGE, **said)
    with pytest.raises(RejectedFile, match=why):
        landing.land(drops.AS_OF)
    assert not drops.raw_path(USAGE).exists()
    assert drops.reasons_of_rejection(USAGE)
