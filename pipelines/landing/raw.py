"""Raw partitions: the door's output, one per feed and drop day, with every row's version and knowledge date."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.clock import DAY
from pipelines.currency import factors, in_house
from pipelines.estate import estate
from pipelines.landing.contract import FEEDS, RAW_COLUMNS, Column, Feed, Identifier, Money, Type
from pipelines.landing.local_time import to_utc
from pipelines.landing.scrub import scrub
from pipelines.landing.tokens import LINKED, Tokens
from pipelines.landing.values import ARROW
from pipelines.publish import LIVE, Dataset, Entry, replacing, sweep
from pipelines.settings import settings

_STAMPS = pa.schema([
    ("operator", pa.string()), ("source", pa.string()), ("dt", pa.string()), ("drop_version", pa.int32()),
    ("known_on", pa.date32()), ("is_known_assumed", pa.bool_()),
])
Days = npt.NDArray[np.datetime64]
ROW_GROUP = 250_000  # as many rows as a part of a drop has
SCRUBBED = "scrubbed_text"  # free text without identifiers; stays in raw/, no model reads it
assert tuple(_STAMPS.names) == RAW_COLUMNS  # noqa: S101


@dataclass(frozen=True)
class Stamp:
    """What every row of an accepted file is stamped with."""

    dt: date
    version: int
    known_on: date
    day_zero: bool = False


def dataset(feed: Feed) -> Dataset:
    """The partitions of one feed: raw/<source>/<feed>/dt=YYYY-MM-DD/data.parquet and their manifest.

    A feed mapped onto one of the contract lies below that one, in from=<source>/, and is read with it.
    """
    source, _, name = feed.shape.partition(".")
    root = settings().raw / source / name
    return Dataset(root / f"from={feed.source}" if feed.like else root, ("dt",))


def raw_name(column: Column) -> str | None:
    """The column's name in raw/, or None where it never gets there."""
    if column.identifier is None:
        return column.name
    if column.identifier is Identifier.FREE_TEXT:
        return SCRUBBED
    if column.identifier not in LINKED:
        return None
    return f"{column.identifier.value}_token"


def house_name(column: Column) -> str:
    """The name of an amount in the house currency: `amount_cents` -> `amount_house`, `total` -> `total_house`."""
    return f"{column.name.removesuffix('_cents')}_house"


def schema(feed: Feed) -> pa.Schema:
    """Arrow schema of a feed's raw files: its columns, its amounts in the house currency, RAW_COLUMNS.

    The operator column of a feed that has one is RAW_COLUMNS' `operator`.
    """
    own = [
        (name, ARROW[column.type]) for column in feed.columns
        if (name := raw_name(column)) is not None and name != feed.operator_column
    ]
    house = [(house_name(column), ARROW[Type.DECIMAL]) for column in feed.columns if column.money is not None]
    return pa.schema([*own, *house, *_STAMPS])


def ensure_schemas() -> int:
    """Write raw/<source>/<feed>/schema/data.parquet, typed and without rows, for every feed; returns how many changed.

    So a model reads `raw/<source>/<feed>/*/data.parquet` whether or not anything landed.
    """
    changed = 0
    for feed in FEEDS:
        path = dataset(feed).root / "schema" / LIVE
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        empty = BytesIO()
        Writer(empty, schema(feed)).close()
        if path.exists() and path.read_bytes() == empty.getvalue():
            continue
        with replacing(path) as out:
            out.write(empty.getbuffer())
        changed += 1
    return changed


class Writer:
    """Writes a raw file part by part; tokens have no repetition worth a dictionary."""

    def __init__(self, path: Path | BinaryIO, wanted: pa.Schema) -> None:
        plain = [name for name in wanted.names if name.endswith("_token") or name.endswith("_id")]
        self.rows = 0
        self._writer = pq.ParquetWriter(
            path, wanted, compression="zstd", compression_level=1, version="2.6",
            use_dictionary=[name for name in wanted.names if name not in plain],
        )

    def add(self, table: pa.Table) -> None:
        if table.num_rows:
            self._writer.write_table(table, row_group_size=ROW_GROUP)
            self.rows += table.num_rows

    def copy(self, path: Path) -> None:
        """Add every row of a raw file, as it is."""
        for batch in pq.ParquetFile(path).iter_batches(batch_size=ROW_GROUP):
            self.add(pa.Table.from_batches([batch]))

    def close(self) -> int:
        """End the file; returns its rows."""
        self._writer.close()
        return self.rows


def operators(feed: Feed, table: pa.Table) -> pa.Array:
    """Whose each row is: the feed's operator, or what its operator column says."""
    if feed.operator_column is not None:
        return table[feed.operator_column].combine_chunks()
    return pa.repeat(pa.scalar(estate().feeds[feed.id].operator, pa.string()), table.num_rows)


def worth(feed: Feed, table: pa.Table) -> dict[str, pa.Array]:
    """By money column, what one of its units is worth in the house currency on the row's day; null without a rate."""
    money = [column for column in feed.columns if column.money is not None]
    if not money:
        return {}
    if feed.currency_column is not None:
        currency = table[feed.currency_column].combine_chunks()
    else:
        own = estate().operators[estate().feeds[feed.id].operator].currency
        currency = pa.repeat(pa.scalar(own, pa.string()), table.num_rows)
    on = pc.cast(table[feed.event_time].combine_chunks(), pa.date32(), safe=False)
    return {column.name: factors(estate(), currency, on, minor=column.money is Money.MINOR) for column in money}


def tokenised(feed: Feed, table: pa.Table, tokens: Tokens) -> pa.Table:
    """The feed's columns as raw/ has them, `operator` first: tokens for identifiers, no names, text scrubbed, UTC for
    local time, amounts in the house currency beside the sender's."""
    owner = operators(feed, table)
    columns: dict[str, pa.Array] = {"operator": owner}
    factor = worth(feed, table)
    for column in feed.columns:
        name = raw_name(column)
        if name is None or name == feed.operator_column:
            continue
        array = table[column.name].combine_chunks()
        if name == SCRUBBED:
            array = scrub(array)
        elif column.identifier is not None:
            array = _by_operator(owner, array, partial(tokens.column, column.identifier))
        elif feed.dialect.is_local(column):
            array = _by_operator(owner, array, _to_utc)
        columns[name] = array
        if column.money is not None:
            columns[house_name(column)] = in_house(array, factor[column.name])
    return pa.table(columns)


def clear_identifiers(feed: Feed, table: pa.Table) -> list[tuple[tuple[Identifier, str], pa.Array]]:
    """The identifiers of a feed that defines them, each once: ((kind, operator), clear values)."""
    operator = estate().feeds[feed.id].operator
    return [
        ((column.identifier, operator), table[column.name].combine_chunks().unique())
        for column in feed.columns if column.identifier in LINKED
    ]


def _to_utc(operator: str, local: pa.Array) -> pa.Array:
    return to_utc(local, estate().operators[operator].time_zone)


def _by_operator(owner: pa.Array, array: pa.Array, change: Callable[[str, pa.Array], pa.Array]) -> pa.Array:
    """`change(operator, values)` applied to each operator's rows."""
    names = owner.unique().to_pylist()
    if len(names) <= 1:
        return change(names[0], array) if names else change("", array.slice(0, 0))
    places = [np.flatnonzero(pc.equal(owner, name).to_numpy(zero_copy_only=False)) for name in names]
    parts = [change(name, array.take(pa.array(rows))) for name, rows in zip(names, places, strict=True)]
    return pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(places), kind="stable")))


def stamped(feed: Feed, own: pa.Table, event_on: Days, stamp: Stamp) -> pa.Table:
    """The tokenised table with RAW_COLUMNS, in the raw schema's order; `event_on`: the day of each row's event.

    Rows of a day-zero dump are taken to have been known `assumed_lag_days` after the day that followed their event,
    and no later than the dump itself.
    """
    rows = own.num_rows
    known = np.full(rows, np.datetime64(stamp.known_on, "D"))
    if stamp.day_zero:
        lag = estate().feeds[feed.id].assumed_lag_days
        known = np.minimum(known, event_on + np.timedelta64(1 + lag, "D"))
    stamps = {
        "source": pa.repeat(pa.scalar(feed.source), rows), "dt": pa.repeat(pa.scalar(stamp.dt.isoformat()), rows),
        "drop_version": pa.repeat(pa.scalar(stamp.version, pa.int32()), rows),
        "known_on": pa.array(known, pa.date32()),
        "is_known_assumed": pa.repeat(pa.scalar(stamp.day_zero), rows),
    }
    made = {**{name: own[name] for name in own.column_names}, **stamps}
    wanted = schema(feed)
    return pa.table([made[name] for name in wanted.names], schema=wanted)


def event_days(feed: Feed, table: pa.Table) -> Days:
    """The day of each row's event, in the clock its sender writes."""
    days: Days = pc.cast(table[feed.event_time], pa.date32(), safe=False).to_numpy().astype("datetime64[D]")
    return days


def newest_roster() -> date | None:
    """The newest as_of whose roster is published: what later files correct cannot be known before the day after."""
    rosters = Dataset(settings().features / "roster", ("as_of",)).entries()
    return max((date.fromisoformat(key[0]) for key, entry in rosters.items() if entry.state == "committed"),
               default=None)


def next_version(dt: date, standing: Entry | None, produced_on: date) -> tuple[int, date]:
    """(drop_version, known_on) of a newly accepted file.

    The first accepted file of a drop is known from the day after it. A later one is a correction, and so is the first
    that comes for a day declared absent once a night has been published without it.
    """
    newest = newest_roster()
    night = dt + DAY
    if standing is None or (standing.state == "absent" and (newest is None or newest < night)):
        return 1, night
    earlier = [(drop["version"], date.fromisoformat(drop["known_on"])) for drop in drops(standing)] or [(1, night)]
    version, known_on = max(earlier)
    return version + 1, max(produced_on + DAY, known_on, (newest + DAY) if newest else night)


def drops(entry: Entry) -> list[dict[str, Any]]:
    """The accepted files a partition was made of, oldest first: version, sha256, rows, known_on, produced_at."""
    found: list[dict[str, Any]] = entry.inputs.get("drops", [])
    return found


def identifiers(feed: Feed) -> Iterable[Identifier]:
    """The kinds of identifier that become tokens in this feed, each once."""
    return dict.fromkeys(column.identifier for column in feed.columns if column.identifier in LINKED)
