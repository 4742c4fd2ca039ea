"""The feeds of a night, before any drift is read: a feed of well-formed zeros is no drift, it is broken.

Counts are those the door recorded; shares of zeros, gaps and values are profiled from raw/ once per drop and kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, Final

from pipelines.clock import DAY, parse_day
from pipelines.estate import estate
from pipelines.landing import raw
from pipelines.landing.contract import Feed, Kind, Type
from pipelines.landing.senders import feed as sent_feed
from pipelines.monitoring.calibration import NORMAL, SPREADS
from pipelines.monitoring.measure import Family, Measure
from pipelines.publish import Entry, write_json
from pipelines.settings import settings

ABSENT: Final = "absent"            # the share of past days on which a feed came that did not come tonight
ROWS: Final = "rows"                # |log2| of rows over the usual rows: 1 is half or double
QUARANTINED: Final = "quarantined"  # share of the drop's rows
ZEROS: Final = "zeros"              # change of a column's share of zeros
GAPS: Final = "missing"             # change of a column's share of missing values
SIZE: Final = "size"                # |log2| of the geometric mean of what is not zero over the usual one: a wrong unit
MIX: Final = "mix"                  # total variation distance of a coded column from its usual mix

HISTORY: Final = 14       # drops before tonight's that say what is usual
FEWEST_DROPS: Final = 4   # fewer say little, as at the door
# Bills go out on 28 days of a month, and the others have an eighth of the usual rows; beyond a tenth the door stops it.
MONTHLY, MONTHLY_ROWS = "billing_", 3.4
FEWEST_ROWS: Final = 200  # of a drop: shares of less are noise
NOISE: Final = 4.0        # / sqrt(rows) is the least change of a share that is none: rows of one cell go together
# Of events: what people call about shifts by two fifths in the week of a price rise. Codes that got another meaning
# move nearly all rows. A list of what there is (cells, plans) has no such weeks.
EVENTS_MIX: Final = 0.6
GROUPS_READ: Final = 4    # row groups of a drop, evenly spread: a million rows of a night, a sample of a day-zero dump
# The least change that is an alarm, and that without enough past drops: (bound, bound uncalibrated).
LEAST: Final[Mapping[str, tuple[float, float]]] = {
    ROWS: (1.0, 2.0), QUARANTINED: (0.005, 0.01), ZEROS: (0.20, 0.50), GAPS: (0.10, 0.25), SIZE: (1.0, 2.0),
    MIX: (0.10, 0.25),
}
NUMBERS: Final = (Type.INTEGER, Type.DOUBLE, Type.DECIMAL)


@dataclass(frozen=True)
class Profile:
    """One drop in numbers. `columns`: statistic -> column -> share or mean; `mix`: column -> value -> share of rows."""

    dt: str
    rows: int
    quarantined: int
    is_day_zero: bool
    columns: dict[str, dict[str, float]]
    mix: dict[str, dict[str, float]]


def measure(as_of: date) -> list[Measure]:
    """Every delivered feed's drop of the day before as_of, against its own drops before that."""
    dt = as_of - DAY
    if not estate().expects(dt):
        return []
    return [one for feed_id in estate().delivered() for one in _feed(sent_feed(feed_id), dt)]


def compare(feed: str, tonight: Profile, past: Sequence[Profile]) -> list[Measure]:
    """A drop against those before it: per statistic the column that moved furthest beyond its bound, and the others
    beyond theirs in `detail`. Statistics nothing can be said of are left out."""
    daily = [one for one in past if not one.is_day_zero]
    found = [_quarantined(feed, tonight, daily)]
    usual_rows = median([one.rows for one in daily]) if len(daily) >= FEWEST_DROPS else 0
    if usual_rows >= FEWEST_ROWS:
        ratio = [abs(math.log2(max(one.rows, 1) / usual_rows)) for one in (tonight, *daily)]
        bound = max(_bound(ROWS, ratio[1:]), MONTHLY_ROWS if feed.startswith(MONTHLY) else 0.0)
        found.append(Measure(Family.QUALITY, ROWS, feed, ratio[0], bound,
                             f"{tonight.rows} rows, {usual_rows:.0f} usually"))
    if tonight.rows >= FEWEST_ROWS:
        known = [one for one in past if one.rows >= FEWEST_ROWS]
        for statistic in (ZEROS, GAPS, SIZE):
            found += _worst(feed, statistic, _moved(statistic, tonight, known))
        least = EVENTS_MIX if sent_feed(feed).kind is Kind.EVENT else 0.0
        found += _worst(feed, MIX, _remixed(tonight, known, least))
    return found


def profile(feed: Feed, dt: str, entry: Entry) -> Profile:
    """The profile of a landed drop; made from raw/ the first time, then read as long as the drop's bytes stand."""
    path = settings().reports / "profiles" / feed.id / f"dt={dt}.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said.pop("sha256") == entry.sha256:
            return Profile(**said)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        pass
    newest = raw.drops(entry)[-1]
    columns, mix = _read(feed, raw.dataset(feed).live({"dt": dt}))
    made = Profile(dt, int(newest["rows"]), int(newest.get("quarantined", 0)), bool(newest["day_zero"]), columns, mix)
    write_json(path, {"sha256": entry.sha256, **vars(made)})
    return made


def _feed(feed: Feed, dt: date) -> list[Measure]:
    entries = {key[0]: entry for key, entry in raw.dataset(feed).entries().items()}
    before = [entry for day, entry in sorted(entries.items()) if parse_day(day) < dt
              and not str(entry.inputs.get("reason", "")).startswith("covered by")][-HISTORY:]
    entry = entries.get(dt.isoformat())
    if entry is None or entry.state == "absent":
        came = [one.state != "absent" for one in before]
        if len(came) < FEWEST_DROPS or _is_usually_small(before):
            return []
        why = "no drop" if entry is None else str(entry.inputs.get("reason", "declared absent"))
        # An optional feed declared absent was told of and let pass by the door: shown here, and no broken feed.
        bound = 0.9 if entry is None or estate().feeds[feed.id].mandatory else None
        return [Measure(Family.QUALITY, ABSENT, feed.id, sum(came) / len(came), bound,
                        f"dt={dt}: {why}; it came on {sum(came)} of {len(came)} days before")]
    if not _is_there(entry):
        return []
    past = [profile(feed, one.key["dt"], one) for one in before if _is_there(one)]
    return compare(feed.id, profile(feed, dt.isoformat(), entry), past)


def _is_usually_small(before: Sequence[Entry]) -> bool:
    """Of a feed of changes with few rows a day, a day without any is no fault."""
    return median([one.rows for one in before]) < FEWEST_ROWS


def _is_there(entry: Entry) -> bool:
    return entry.state == "committed" and bool(raw.drops(entry))


def _quarantined(feed: str, tonight: Profile, daily: Sequence[Profile]) -> Measure:
    shares = [one.quarantined / max(one.rows + one.quarantined, 1) for one in (tonight, *daily)]
    return Measure(Family.QUALITY, QUARANTINED, feed, shares[0], _bound(QUARANTINED, shares[1:]),
                   f"{tonight.quarantined} of {tonight.rows + tonight.quarantined} rows")


def _moved(statistic: str, tonight: Profile, past: Sequence[Profile]) -> dict[str, tuple[float, float, str]]:
    """By column: how far it moved, its bound, and that in words."""
    found = {}
    for column, value in tonight.columns.get(statistic, {}).items():
        known = [one.columns[statistic][column] for one in past if column in one.columns.get(statistic, {})]
        if not known:
            continue
        usual = median(known)
        if statistic == SIZE:
            if min(value, usual) <= 0:
                continue
            moves = [abs(math.log2(one / usual)) for one in (value, *known) if one > 0]
            told = f"{column}: {value:.4g}, usually {usual:.4g}"
        else:
            moves = [abs(one - usual) for one in (value, *known)]
            told = f"{column}: {value:.0%} {statistic}, usually {usual:.0%}"
        found[column] = (moves[0], max(_bound(statistic, moves[1:]), NOISE / math.sqrt(tonight.rows)), told)
    return found


def _remixed(tonight: Profile, past: Sequence[Profile], least: float) -> dict[str, tuple[float, float, str]]:
    found = {}
    for column, mix in tonight.mix.items():
        known = [one.mix[column] for one in past if column in one.mix]
        if not known:
            continue
        values = sorted({*mix, *(value for one in known for value in one)})
        usual = {value: median([one.get(value, 0.0) for one in known]) for value in values}
        moves = [sum(abs(one.get(value, 0.0) - share) for value, share in usual.items()) / 2 for one in (mix, *known)]
        _, far = max((abs(mix.get(value, 0.0) - share), value) for value, share in usual.items())
        told = f"{column}: {mix.get(far, 0.0):.0%} {far}, usually {usual[far]:.0%}"
        bound = max(_bound(MIX, moves[1:]), NOISE / math.sqrt(tonight.rows), least)
        found[column] = (moves[0], bound, told)
    return found


def _worst(feed: str, statistic: str, moved: Mapping[str, tuple[float, float, str]]) -> list[Measure]:
    if not moved:
        return []
    ordered = sorted(moved.values(), key=lambda one: (-one[0] / one[1], one[2]))
    beyond = [told for value, bound, told in ordered if value >= bound] or [ordered[0][2]]
    return [Measure(Family.QUALITY, statistic, feed, ordered[0][0], ordered[0][1], "; ".join(beyond[:6]))]


def _bound(statistic: str, moves: Sequence[float]) -> float:
    """What the drops before usually moved, and beyond it six robust standard deviations, or the least that matters."""
    least, uncalibrated = LEAST[statistic]
    if len(moves) < FEWEST_DROPS:
        return uncalibrated
    middle = median(moves)
    return middle + max(least, SPREADS * NORMAL * median([abs(one - middle) for one in moves]))


def _read(feed: Feed, path: Path) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """The statistics of a raw file's columns, from at most GROUPS_READ of its row groups."""
    import pyarrow.parquet as pq

    numbers = [name for column in feed.columns if column.type in NUMBERS and (name := raw.raw_name(column)) is not None]
    coded = [name for column in feed.columns if column.values and (name := raw.raw_name(column)) is not None]
    file = pq.ParquetFile(path)
    there = set(file.schema_arrow.names)
    wanted = [name for name in dict.fromkeys([*numbers, *coded]) if name in there]
    if not wanted or not file.num_row_groups:
        return {}, {}
    table = file.read_row_groups(_spread(file.num_row_groups), columns=wanted)
    if not len(table):
        return {}, {}
    columns: dict[str, dict[str, float]] = {ZEROS: {}, GAPS: {}, SIZE: {}}
    for name in numbers:
        if name in there:
            _number(table.column(name), name, columns)
    return columns, {name: _mix(table.column(name)) for name in coded if name in there}


def _number(column: Any, name: str, columns: dict[str, dict[str, float]]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.drop_null(pc.cast(column, pa.float64(), safe=False))
    columns[GAPS][name] = 1 - len(known) / len(column)
    if len(known):
        used = known.filter(pc.not_equal(known, 0.0))
        columns[ZEROS][name] = 1 - len(used) / len(known)
        if len(used) >= FEWEST_ROWS:
            columns[SIZE][name] = 2.0 ** float(pc.mean(pc.log2(pc.abs(used))).as_py())


def _mix(column: Any) -> dict[str, float]:
    import pyarrow.compute as pc

    counted = pc.value_counts(column.combine_chunks())
    return {str(one["values"]): one["counts"] / len(column) for one in counted.to_pylist()}


def _spread(groups: int) -> list[int]:
    return _each(round(place * (groups - 1) / max(GROUPS_READ - 1, 1)) for place in range(GROUPS_READ))


def _each(places: Iterable[int]) -> list[int]:
    return sorted(set(places))
