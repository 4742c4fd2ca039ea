"""F22: on the days of 23 and 25 hours nothing is lost or made up, in Berlin and London; one module knows zones."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import pipelines
from pipelines import landing
from pipelines.clock import DAY
from pipelines.landing import raw
from pipelines.landing.senders import feed as sent_feed

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
HOURS = {SPRING: 23, AUTUMN: 25}
QUARTER = timedelta(minutes=15)
LIKE = "billing_alpha.payments"
# Of alpha, in Berlin, and of bravo, in London: `drops.estate` gives every feed with bravo in its name to bravo.
FEEDS = {LIKE: "Europe/Berlin", "billing_bravo_old.payments": "Europe/London"}
USAGE = "network.usage_daily"


def estate(drops: ModuleType, feed_id: str) -> None:
    drops.estate(feed_id, **({} if feed_id == LIKE else {"like": LIKE}))


def bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """A local day as instants: its midnight and the next, naive UTC."""
    start, end = (datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
                  for on in (day, day + DAY))
    return start, end


def clock(day: date, zone: str) -> Iterator[tuple[datetime, datetime]]:
    """(instant in UTC, what the clock on the wall shows) of every quarter of an hour of a local day."""
    at, end = bounds(day, zone)
    while at < end:
        yield at, at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        at += QUARTER


def payments(drops: ModuleType, day: date, zone: str) -> list[dict[str, Any]]:
    """A payment every quarter of an hour of the local day; no two sums of amounts are alike."""
    rows = drops.rows(LIKE, len(list(clock(day, zone))), day)
    return [{**row, "paid_at": wall, "amount_cents": (number + 1) * day.day}
            for number, (row, (_, wall)) in enumerate(zip(rows, clock(day, zone), strict=True))]


def landed(feed_id: str, day: date) -> pa.Table:
    path = raw.dataset(sent_feed(feed_id)).live({"dt": day.isoformat()})
    return pq.read_table(path, partitioning=None)


def land_around(drops: ModuleType, feed_id: str, day: date) -> dict[date, list[dict[str, Any]]]:
    """Land the day of the change and those beside it; what was sent."""
    estate(drops, feed_id)
    sent = {on: payments(drops, on, FEEDS[feed_id]) for on in (day - DAY, day, day + DAY)}
    for on, rows in sent.items():
        drops.drop(feed_id, rows, on)
    done = landing.land_range(day - DAY, day + DAY)
    assert [(one.rows, one.quarantined) for one in done] == [(len(rows), 0) for rows in sent.values()]
    return sent


@pytest.mark.parametrize("feed_id", FEEDS)
@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_F22_sums_of_days_of_23_and_25_hours_are_what_was_sent(
    home: Path, drops: ModuleType, feed_id: str, day: date
) -> None:
    sent = land_around(drops, feed_id, day)
    assert [len(rows) for rows in sent.values()] == [96, 4 * HOURS[day], 96]
    everything = pa.concat_tables([landed(feed_id, on) for on in sent])
    for on, rows in sent.items():
        start, end = bounds(on, FEEDS[feed_id])
        assert (end - start) / timedelta(hours=1) == HOURS.get(on, 24)
        at = everything["paid_at"]
        within = everything.filter(pc.and_(pc.greater_equal(at, pa.scalar(start)), pc.less(at, pa.scalar(end))))
        assert within.num_rows == len(rows)
        assert pc.sum(within["amount_cents"]).as_py() == sum(row["amount_cents"] for row in rows)


@pytest.mark.parametrize("feed_id", FEEDS)
def test_F22_in_spring_every_row_gets_the_instant_at_which_it_happened(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    land_around(drops, feed_id, SPRING)
    instants = [at for at, _ in clock(SPRING, FEEDS[feed_id])]
    assert landed(feed_id, SPRING)["paid_at"].to_pylist() == instants


@pytest.mark.parametrize("feed_id", FEEDS)
def test_F22_in_autumn_the_hour_that_comes_twice_is_taken_for_its_first_and_no_row_leaves_the_day(
    home: Path, drops: ModuleType, feed_id: str
) -> None:
    land_around(drops, feed_id, AUTUMN)
    pairs = list(clock(AUTUMN, FEEDS[feed_id]))
    first = {wall: at for at, wall in reversed(pairs)}
    assert len(first) == 96
    assert landed(feed_id, AUTUMN)["paid_at"].to_pylist() == [first[wall] for _, wall in pairs]


@pytest.mark.parametrize("zone", FEEDS.values())
def test_F22_a_sender_that_writes_the_offset_keeps_the_two_hours_of_autumn_apart(
    home: Path, drops: ModuleType, zone: str
) -> None:
    feed_id = "billing_bravo_old.payments"
    drops.estate(feed_id, like=LIKE, time_format="%d.%m.%Y %H:%M%z")
    instants = [at for at, _ in clock(AUTUMN, zone)]
    written = [f"{at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)):%d.%m.%Y %H:%M%z}" for at in instants]
    rows = drops.rows(LIKE, len(instants), AUTUMN)
    drops.drop(feed_id, [{**row, "paid_at": text} for row, text in zip(rows, written, strict=True)], AUTUMN)
    landing.land(AUTUMN + DAY)
    assert landed(feed_id, AUTUMN)["paid_at"].to_pylist() == instants


@pytest.mark.parametrize(
    ("feed_id", "local", "utc"),
    [
        # London: 01:30 never comes on the first day and comes twice on the second. In Berlin it is an hour like others,
        # and 02:30 is the one that does not come, or comes twice.
        ("billing_bravo_old.payments", "2026-03-29 00:59:59", "2026-03-29 00:59:59"),
        ("billing_bravo_old.payments", "2026-03-29 01:30:00", "2026-03-29 01:30:00"),
        ("billing_bravo_old.payments", "2026-03-29 02:00:00", "2026-03-29 01:00:00"),
        ("billing_bravo_old.payments", "2026-10-25 00:59:59", "2026-10-24 23:59:59"),
        ("billing_bravo_old.payments", "2026-10-25 01:30:00", "2026-10-25 00:30:00"),
        ("billing_bravo_old.payments", "2026-10-25 02:00:00", "2026-10-25 02:00:00"),
        (LIKE, "2026-03-29 01:30:00", "2026-03-29 00:30:00"),
        (LIKE, "2026-03-29 02:30:00", "2026-03-29 01:30:00"),
        (LIKE, "2026-03-29 03:00:00", "2026-03-29 01:00:00"),
        (LIKE, "2026-10-25 01:30:00", "2026-10-24 23:30:00"),
        (LIKE, "2026-10-25 02:30:00", "2026-10-25 00:30:00"),
        (LIKE, "2026-10-25 03:00:00", "2026-10-25 02:00:00"),
    ],
)
def test_F22_the_odd_hours_land_as_one_instant_each_and_stop_nothing(
    home: Path, drops: ModuleType, feed_id: str, local: str, utc: str
) -> None:
    estate(drops, feed_id)
    at = datetime.fromisoformat(local)
    drops.drop(feed_id, [{**row, "paid_at": at} for row in drops.rows(LIKE, dt=at.date())], at.date())
    (done,) = landing.land(at.date() + DAY)
    assert (done.rows, done.quarantined) == (3, 0)
    assert {str(found) for found in landed(feed_id, at.date())["paid_at"].to_pylist()} == {utc}


@pytest.mark.parametrize("local", ["2026-03-29 01:30:00", "2026-10-25 01:30:00"])
def test_F22_left_to_pandas_the_same_two_rows_would_stop_the_night(local: str) -> None:
    """Why one place does it: this is what a library does when nobody says."""
    with pytest.raises(Exception, match=local):
        pd.Series([pd.Timestamp(local)]).dt.tz_localize("Europe/London")


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_F22_the_local_day_is_a_column_of_its_own_and_is_never_shifted(
    home: Path, drops: ModuleType, day: date
) -> None:
    drops.estate(USAGE)
    for number, on in enumerate((day - DAY, day, day + DAY), 1):
        drops.drop(USAGE, [{**row, "data_kb": number} for row in drops.rows(USAGE, 5, on)], on)
    landing.land_range(day - DAY, day + DAY)
    everything = pa.concat_tables([landed(USAGE, on) for on in (day - DAY, day, day + DAY)])
    sums = everything.group_by("usage_on").aggregate([("data_kb", "sum")]).sort_by("usage_on").to_pylist()
    assert sums == [{"usage_on": on, "data_kb_sum": 5 * number}
                    for number, on in enumerate((day - DAY, day, day + DAY), 1)]


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_F22_the_first_and_last_quarter_of_the_local_day_belong_to_its_drop(
    home: Path, drops: ModuleType, day: date
) -> None:
    """Berlin's midnight is the evening before in UTC: the door asks the sender's clock whether a row is ahead."""
    estate(drops, LIKE)
    edges = [datetime.combine(day, datetime.min.time()), datetime(day.year, day.month, day.day, 23, 59, 59)]
    drops.drop(LIKE, [{**row, "paid_at": at} for row, at in zip(drops.rows(LIKE, 2, day), edges, strict=True)], day)
    (done,) = landing.land(day + DAY)
    assert (done.rows, done.quarantined, done.warnings) == (2, 0, ())


ZONED = {"ZoneInfo", "tz_localize", "tz_convert", "astimezone", "assume_timezone", "local_timestamp", "localize",
         "fromtimestamp", "utcfromtimestamp", "mktime", "localtime"}


def zoned_names(source: str) -> set[str]:
    """What of a module applies a time zone. An instant with an offset of its own told in UTC applies none."""
    found = set()
    tree = ast.parse(source)
    told_in_utc = {id(node.func) for node in ast.walk(tree)
                   if isinstance(node, ast.Call) and [ast.unparse(given) for given in node.args] == ["UTC"]}
    for node in ast.walk(tree):
        if id(node) in told_in_utc:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found |= {"zoneinfo", "pytz", "dateutil"} & {module.partition(".")[0] for module in modules}
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        found |= {name} & ZONED
    return found


def test_F22_no_other_module_of_the_door_applies_a_time_zone() -> None:
    root = Path(str(pipelines.__file__)).parent / "landing"
    found = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if zoned_names(path.read_text())}
    assert found == {"local_time.py"}


def test_F22_no_model_of_the_warehouse_applies_a_time_zone() -> None:
    project = Path(str(pipelines.__file__)).parents[1] / "dbt_project"
    models = list(project.rglob("*.sql"))
    assert models
    zoned = re.compile(r"at\s+time\s+zone|\btimezone\s*\(|timestamptz|with\s+time\s+zone|Europe/", re.IGNORECASE)
    assert [path.name for path in models if zoned.search(path.read_text())] == []


def test_F22_a_zone_smuggled_in_would_be_seen() -> None:
    assert zoned_names("import zoneinfo") == {"zoneinfo"}
    assert zoned_names("from zoneinfo import ZoneInfo\nZoneInfo('UTC')") == {"zoneinfo", "ZoneInfo"}
    assert zoned_names("x.astimezone(UTC)") == set()
    assert zoned_names("x.astimezone()") == zoned_names("x.astimezone(zone)") == {"astimezone"}
    assert zoned_names("x.dt.tz_localize('Europe/London')") == {"tz_localize"}
    assert zoned_names("import pyarrow.compute as pc\npc.assume_timezone(a, 'UTC')") == {"assume_timezone"}
