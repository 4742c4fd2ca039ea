"""F22: days of 23 and 25 hours lose nothing, in Berlin and in London, and one module alone applies a time zone."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from pipelines import landing
from pipelines.landing.local_time import to_utc
from pipelines.settings import settings

PAYMENTS = "billing_alpha.payments"
BERLIN, LONDON = "Europe/Berlin", "Europe/London"
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
PIPELINES = Path(__file__).parents[2] / "pipelines"


def estate_in(drops: ModuleType, zone: str) -> None:
    """Payments are in the local time of their operator; with London it is bravo's clock."""
    drops.estate(PAYMENTS)
    path = settings().home / "estate.toml"
    text = path.read_text().replace('time_zone = "Europe/Berlin"', f'time_zone = "{zone}"', 1)
    path.write_text(text)
    settings.cache_clear()


def quarters(day: date, zone: str) -> list[datetime]:
    """Every quarter of an hour of a local day, as instants."""
    tz = ZoneInfo(zone)
    begin = datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)
    end = datetime(day.year, day.month, day.day, tzinfo=tz) + timedelta(days=1)
    step = timedelta(minutes=15)
    return [begin + number * step for number in range((end.astimezone(UTC) - begin) // step)]


@pytest.mark.parametrize("zone", [BERLIN, LONDON])
@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 6, 1), 24)])
def test_F22_the_sums_of_a_day_of_23_or_25_hours_equal_what_was_sent(
    home: Path, drops: ModuleType, zone: str, day: date, hours: int
) -> None:
    estate_in(drops, zone)
    instants = quarters(day, zone)
    assert len(instants) == 4 * hours
    local = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for instant in instants]
    plain = drops.rows(PAYMENTS, len(local), day)
    rows = [{**row, "paid_at": at, "amount_cents": 100 + number}
            for number, (row, at) in enumerate(zip(plain, local, strict=True))]
    drops.drop(PAYMENTS, rows, day)
    (landed,) = landing.land(day + timedelta(days=1))
    assert (landed.rows, landed.quarantined) == (len(rows), 0)
    raw = drops.raw(PAYMENTS, day)
    assert sum(raw["amount_cents"].to_pylist()) == sum(row["amount_cents"] for row in rows)
    utc = [at.replace(tzinfo=UTC) for at in raw["paid_at"].to_pylist()]
    # The hour that occurs twice is its first occurrence, and no other moves; each stays on its local day.
    assert {at.astimezone(ZoneInfo(zone)).date() for at in utc} == {day}
    moved = [(was, became) for was, became in zip(instants, utc, strict=True) if was != became]
    assert [was - became for was, became in moved] == [timedelta(hours=1)] * (4 if hours == 25 else 0)
    assert utc == sorted(utc) or hours == 25


@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        (SPRING, "01:30", LONDON, "01:30"), (AUTUMN, "01:30", LONDON, "00:30"), (AUTUMN, "02:00", LONDON, "02:00"),
        (SPRING, "00:59", LONDON, "00:59"), (SPRING, "02:00", LONDON, "01:00"),
        (SPRING, "02:30", BERLIN, "01:30"), (AUTUMN, "02:30", BERLIN, "00:30"), (AUTUMN, "03:00", BERLIN, "02:00"),
    ],
)
def test_F22_the_odd_hours_become_the_utc_of_the_rule_at_the_door(
    home: Path, drops: ModuleType, day: date, clock: str, zone: str, expected: str
) -> None:
    """Pandas raises on these hours and DuckDB shifts them without a word."""
    estate_in(drops, zone)
    rows = [{**row, "paid_at": datetime.fromisoformat(f"{day} {clock}:00")} for row in drops.rows(PAYMENTS, 3, day)]
    drops.drop(PAYMENTS, rows, day)
    landing.land(day + timedelta(days=1))
    assert {f"{at:%F %H:%M}" for at in drops.raw(PAYMENTS, day)["paid_at"].to_pylist()} == {f"{day} {expected}"}


@pytest.mark.parametrize("zone", [BERLIN, LONDON])
def test_F22_every_minute_of_a_year_agrees_with_the_time_zone_database(zone: str) -> None:
    tz = ZoneInfo(zone)
    hours = [datetime(2026, 1, 1) + timedelta(minutes=20 * number) for number in range(3 * 24 * 365)]
    found = to_utc(pa.array(hours, pa.timestamp("us")), zone).to_pylist()
    assert found == [at.replace(tzinfo=tz, fold=0).astimezone(UTC).replace(tzinfo=None) for at in hours]


def test_F22_one_module_alone_applies_a_time_zone() -> None:
    zones = {"zoneinfo", "pytz", "dateutil.tz", "tzlocal"}
    guilty = {}
    for path in sorted(PIPELINES.rglob("*.py")):
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names} & zones
            elif isinstance(node, ast.ImportFrom):
                names |= {node.module or ""} & zones
            elif isinstance(node, ast.Attribute) and node.attr in (
                    "assume_timezone", "local_timestamp", "tz_convert", "astimezone"):
                names.add(node.attr)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == \
                    "tz_localize" and not (
                        isinstance(node.args[0], ast.Constant) and node.args[0].value in ("UTC", None)):
                names.add("tz_localize")
        if names:
            guilty[str(path.relative_to(PIPELINES))] = names
    # The simulator writes what senders write: local clocks.
    # The estate asks whether a zone exists; an offset a sender wrote into a time is not a zone.
    allowed = {"landing/local_time.py", "estate.py", "landing/values.py"}
    assert {name for name in guilty if not name.startswith("simulate/")} == allowed
    assert guilty["landing/values.py"] == {"astimezone"}


def test_F22_no_model_of_the_warehouse_applies_one() -> None:
    models = [path for path in (PIPELINES.parent / "dbt_project").rglob("*.sql") if "target" not in path.parts]
    assert len(models) > 40
    assert not [path.name for path in models
                if any(word in path.read_text().lower() for word in ("at time zone", "timezone(", "europe/"))]
