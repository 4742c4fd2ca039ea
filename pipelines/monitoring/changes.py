"""Known changes: facts of what was published that explain a shift, each with the night it became known.

Three are looked for since the newest cut-off the version learned from: prices of an operator (many lines changed
theirs on one day), equipment (cells of a region changed their vendor), and a new operator in the roster.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.clock import DAY, parse_day
from pipelines.monitoring.cause import VENDOR, Change
from pipelines.publish import Dataset, Entry
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

# In a house without a list change 0.3 % of the lines have another price on a day, by contracts that run out and moves
# between plans.
PRICE_SHARE, PRICE_TIMES = 0.03, 5.0
NEW_OPERATOR_SHARE = 0.01
LONGEST_DAYS = 120

PRICES = frozenset({
    "price_eur", "price_change_eur_90d", "days_since_price_change", "margin_eur_30d", "plan_code",
    *(f"billed_eur_{days}d" for days in (30, 90, 365)), "billed_trend_ratio_90d", "billed_sd_eur_90d", "unpaid_eur_90d",
})
RADIO = frozenset({
    "retainability_ratio_30d", "dl_throughput_mbps_30d", "dl_latency_ms_30d", "availability_ratio_30d",
    "bad_cell_share_30d", "dropped_call_ratio_30d",
})


def known(as_of: date, since: date) -> tuple[Change, ...]:
    """The changes that became known in (since, as_of], at most LONGEST_DAYS back; read from what is published."""
    first = max(since, as_of - timedelta(days=LONGEST_DAYS))
    return (*operators(as_of, first), *prices(as_of, first), *vendors(as_of, first))


def operators(as_of: date, since: date) -> tuple[Change, ...]:
    """Operators that the roster of `since`, or of the first published night after it, does not know."""
    nights = [day for day in _published("roster") if since <= day <= as_of]
    if not nights or nights[-1] != as_of:
        return ()
    before, now = _operators(nights[0]), _operators(as_of)
    found = []
    for name in sorted(set(now) - set(before)):
        if now[name] >= NEW_OPERATOR_SHARE * sum(now.values()):
            known_on = next(day for day in nights if name in _operators(day))
            found.append(Change("operator", known_on, f"operator {name} is new in the roster, {now[name]:,} lines",
                                feeds=(f"billing_{name}.",), is_everything=True))
    return tuple(found)


def prices(as_of: date, since: date) -> tuple[Change, ...]:
    """Days on which many lines of an operator got another price, by `days_since_price_change` of tonight."""
    import numpy as np

    frame = _price_ages(as_of)
    if frame is None:
        return ()
    reach = (as_of - since).days
    found = []
    for operator, part in frame.groupby("operator", observed=True):
        ages = part["days_since_price_change"].dropna().to_numpy().astype(int)
        counts = np.bincount(ages[(ages >= 0) & (ages <= LONGEST_DAYS)], minlength=LONGEST_DAYS + 1)
        usual = max(float(np.median(counts[1:])), 1.0)
        for age in np.flatnonzero(counts >= max(PRICE_SHARE * len(part), PRICE_TIMES * usual)):
            if age <= reach:
                found.append(Change(
                    "prices", as_of - int(age) * DAY + DAY if age else as_of,
                    f"prices of {counts[age]:,} of {len(part):,} lines of {operator} changed on "
                    f"{as_of - int(age) * DAY}", PRICES, frozenset({"everyone", f"operator={operator}"}),
                    (f"billing_{operator}.",)))
    return tuple(found)


def vendors(as_of: date, since: date) -> tuple[Change, ...]:
    """Cells whose vendor is another than in the list before; one change per region and day."""
    found = []
    for day, region, before, now, cells in _swaps(settings().raw / "network" / "cells", as_of):
        if since < day <= as_of:
            found.append(Change(
                VENDOR, day, f"{cells} cells of region {region} went from {before} to {now}", RADIO,
                frozenset({f"region={region}"}), (f"pm.{before}", f"pm.{now}", "network.cells")))
    return tuple(found)


def _published(name: str) -> list[date]:
    entries = Dataset(settings().features / name, ("as_of",)).entries().values()
    return sorted(parse_day(each.key["as_of"]) for each in entries if each.state == "committed")


def _operators(as_of: date) -> dict[str, int]:
    return _counted(Dataset(settings().features / "roster", ("as_of",)).live({"as_of": as_of.isoformat()}))


@lru_cache(maxsize=512)
def _counted(path: Path) -> dict[str, int]:
    """Lines of each operator; what was published does not change but by erasure, which takes no operator away."""
    import pyarrow.parquet as pq

    column = pq.read_table(path, columns=["operator"], partitioning=None).column("operator").combine_chunks()
    return {str(each["values"]): int(each["counts"]) for each in column.value_counts().to_pylist()}


def _price_ages(as_of: date) -> pd.DataFrame | None:
    """Operator and days since the price changed, one row per active subscriber; None where it is not published."""
    import pyarrow.parquet as pq

    name, key = "days_since_price_change", {"as_of": as_of.isoformat()}
    billing, roster = (Dataset(settings().features / each, ("as_of",)).live(key)
                       for each in ("ftr_subscriber_billing", "roster"))
    if not (billing.exists() and roster.exists()) or name not in pq.read_schema(billing).names:
        return None
    ages = pq.read_table(billing, columns=["subscriber_id", name], partitioning=None)
    owners = pq.read_table(roster, columns=["subscriber_id", "operator"], partitioning=None)
    frame: pd.DataFrame = ages.join(owners, "subscriber_id", join_type="inner").to_pandas()
    return frame


def _swaps(root: Path, as_of: date) -> Iterator[tuple[date, str, str, str, int]]:
    """(known from, region, vendor before, vendor now, cells) of every list of cells known at as_of."""
    standing: dict[str, str] = {}
    for entry in _lists(root, as_of):
        moved: dict[tuple[date, str, str, str], int] = {}
        for row in _cells(root / f"dt={entry.key['dt']}" / "data.parquet"):
            cell, vendor, region, known_on = row
            before = standing.get(cell)
            if before is not None and before != vendor and known_on <= as_of:
                where = (known_on, region, before, vendor)
                moved[where] = moved.get(where, 0) + 1
            standing[cell] = vendor
        yield from ((*where, count) for where, count in sorted(moved.items()))


def _lists(root: Path, as_of: date) -> list[Entry]:
    """Published lists known at as_of: the first of all, and as many of the newest as a change may lie back."""
    entries = [each for each in Dataset(root, ("dt",)).entries().values()
               if each.state == "committed" and parse_day(each.key["dt"]) < as_of]
    return entries[-LONGEST_DAYS:]


@lru_cache(maxsize=512)
def _cells(path: Path) -> tuple[tuple[str, str, str, date], ...]:
    import pyarrow.parquet as pq

    names = ["cell_id", "vendor", "region", "known_on"]
    table: Any = pq.read_table(path, columns=names, partitioning=None)
    return tuple(zip(*(table.column(name).to_pylist() for name in names), strict=True))
