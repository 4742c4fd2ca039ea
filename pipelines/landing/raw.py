"""Raw partitions: the door's output, one per feed and drop day, with every row's version and knowledge date."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.clock import DAY
from pipelines.estate import estate
from pipelines.landing.contract import FEEDS, RAW_COLUMNS, Column, Feed, Identifier, Type
from pipelines.landing.local_time import to_utc
from pipelines.landing.tokens import LINKED, Tokens
from pipelines.landing.values import ARROW
from pipelines.publish import LIVE, Dataset, Entry, sha256
from pipelines.settings import settings

_STAMPS = pa.schema([
    ("operator", pa.string()), ("source", pa.string()), ("dt", pa.string()), ("drop_version", pa.int32()),
    ("known_on", pa.date32()), ("is_known_assumed", pa.bool_()),
])
SCRUBBED = "scrubbed_text"  # free text without identifiers; stays in raw/, no model reads it
assert tuple(_STAMPS.names) == RAW_COLUMNS  # noqa: S101


def dataset(feed: Feed) -> Dataset:
    """The partitions of one feed: raw/<source>/<feed>/dt=YYYY-MM-DD/data.parquet and their manifest."""
    return Dataset(settings().raw / feed.source / feed.name, ("dt",))


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
        # A name of its own: sources land in parallel, and one process moved the file another was about to compare.
        beside = path.with_name(f".{uuid.uuid4().hex}.tmp")
        write(schema(feed).empty_table(), beside)
        if path.exists() and sha256(path) == sha256(beside):
            beside.unlink()
            continue
        beside.replace(path)
        changed += 1
    return changed


def write(table: pa.Table, path: Path) -> int:
    """Write a raw file; tokens have no repetition worth a dictionary. Returns the rows."""
    plain = [name for name in table.column_names if name.endswith("_token") or name.endswith("_id")]
    pq.write_table(
        table, path, compression="zstd", compression_level=1, version="2.6",
        use_dictionary=[name for name in table.column_names if name not in plain],
    )
    return int(table.num_rows)


def tokenised(feed: Feed, table: pa.Table, tokens: Tokens, vault_segment: str) -> pa.Table:
    """The feed's own columns as raw/ has them: tokens for identifiers, no names, no free text, UTC for local time."""
    operator = estate().feeds[feed.id].operator
    zone = estate().operators[operator].time_zone
    columns: dict[str, pa.Array] = {}
    for column in feed.columns:
        name = raw_name(column)
        if name is None:
            continue
        array = table[column.name].combine_chunks()
        if column.identifier in LINKED:
            if feed.vault:
                tokens.keep(column.identifier, operator, array, vault_segment)
            array = tokens.column(column.identifier, operator, array)
        elif column.type is Type.LOCAL_TIME:
            array = to_utc(array, zone)
        columns[name] = array
    return pa.table(columns)


def stamped(feed: Feed, table: pa.Table, dt: date, version: int, known_on: date, *, day_zero: bool) -> pa.Table:
    """The table with RAW_COLUMNS. Rows of a day-zero dump are taken to have been known `assumed_lag_days` after the
    day that followed their event (UTC), and no later than the dump itself."""
    rows = table.num_rows
    facts = estate().feeds[feed.id]
    known = np.full(rows, np.datetime64(known_on, "D"))
    if day_zero:
        event_on = pc.cast(table[feed.event_time], pa.date32(), safe=False).to_numpy().astype("datetime64[D]")
        known = np.minimum(known, event_on + np.timedelta64(1 + facts.assumed_lag_days, "D"))
    stamps = [
        pa.repeat(pa.scalar(facts.operator), rows), pa.repeat(pa.scalar(dt.isoformat()), rows),
        pa.repeat(pa.scalar(version, pa.int32()), rows), pa.array(known, pa.date32()),
        pa.repeat(pa.scalar(day_zero), rows),
    ]
    return pa.table([*table.columns, *stamps], schema=schema(feed))


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
