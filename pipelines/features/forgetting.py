"""The online store forgets subscribers: their rows go, and of SQLite every byte of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing, nullcontext

from pipelines.features import store
from pipelines.publish import sha256
from pipelines.settings import settings

Forgotten = tuple[str, int, int, str, str]  # what was changed; rows before and after; sha256 before and after, of files


def forget(subscriber_ids: Sequence[str], *, dry: bool = False) -> list[Forgotten]:
    """Take subscribers out of every online view. Safe to repeat; `dry` counts and changes nothing."""
    if settings().feast_redis:
        count = store.forget_in_redis(subscriber_ids, dry=dry)
        return [("redis", count, 0, "", "")] if count else []
    path = settings().feast / "online.db"
    if not path.exists():
        return []
    alone = nullcontext() if dry else store.lock("materialize")
    with alone, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = _rows(connection, subscriber_ids)
        count = sum(len(rows) for rows in found.values())
        if not count:
            return []
        before = sha256(path)
        if not dry:
            connection.execute("pragma secure_delete = on")
            for table, rows in found.items():
                # Table names are of the file itself; row numbers are bound.
                connection.executemany(f'delete from "{table}" where rowid = ?', [(row,) for row in rows])  # noqa: S608
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
    after = "" if dry else sha256(path)
    return [(str(path.relative_to(settings().home)), count, 0, before, after)]


def _rows(connection: sqlite3.Connection, subscriber_ids: Sequence[str]) -> dict[str, list[int]]:
    """Row numbers by table. An entity key is the name of the key, lengths, and the id in plain bytes."""
    wanted = {subscriber.encode() for subscriber in subscriber_ids}
    size = {len(one) for one in wanted}
    tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
    found = {}
    for table in tables:
        columns = [row[1] for row in connection.execute(f'pragma table_info("{table}")')]
        if "entity_key" in columns:
            keys = connection.execute(f'select rowid, entity_key from "{table}"')  # noqa: S608
            found[table] = [row for row, key in keys if any(bytes(key)[-length:] in wanted for length in size)]
    return found
