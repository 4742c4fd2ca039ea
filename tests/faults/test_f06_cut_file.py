"""F06-F08: cut files, open quotes, half Parquet, and control files that do not agree with their data."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import landing
from pipelines.errors import RejectedFile

ACCOUNTS = "billing_alpha.accounts"
USAGE = "network.usage_daily"
CARE = "care.interactions"
CUTS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
