"""Writes the online store in Feast's own encoding: in chunks, one message per distinct value, one statement per person.

Feast's `online_write_batch` takes a message for every value and binds a statement for each: of a million subscribers,
eleven million. What it would have written is what stands here, byte for byte; Feast reads it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelines.clock import midnight

if TYPE_CHECKING:
    import pyarrow as pa

KEY = "subscriber_id"
CHUNK = 10_000  # subscribers whose values are Python objects at one time


def write(store: Any, view: Any, table: pa.Table, as_of: date) -> None:
    """Write subscriber_id and the view's features to the online store, stamped with the as_of, over what stands there.

    SQLite takes all of it or nothing; Redis takes it by chunks, and the same night again mends a half.
    """
    if store.config.online_store.type == "redis":
        _to_redis(store, view, table, as_of)
    else:
        _to_sqlite(store, view, table, as_of)


def forget_in_redis(store: Any, subscriber_ids: Sequence[str], *, dry: bool = False) -> int:
    """Delete the hashes Redis keeps of subscribers, every view in one; returns how many there were."""
    keys = _redis_keys(store, subscriber_ids)
    client = _online(store)._get_client(store.config.online_store)
    return int(client.exists(*keys) if dry else client.delete(*keys)) if keys else 0


def _to_sqlite(store: Any, view: Any, table: pa.Table, as_of: date) -> None:
    from feast.infra.online_stores.sqlite import _table_id

    # Feast's adapter, asked once: it keeps times as it will read them back.
    stamp = sqlite3.adapt(midnight(as_of).replace(tzinfo=None))
    name = _table_id(store.project, view, store.config.registry.enable_online_feature_view_versioning)
    features = sorted(view.features, key=lambda one: one.name)  # the index's order, so it grows at its end
    values = ", ".join(f"(?1, '{one.name}', ?{place}, ?{place + 1}, {stamp}, {stamp})"
                       for place, one in zip(range(2, 2 + 2 * len(features), 2), features, strict=True))
    columns = ("value", "value_text", "event_ts", "created_ts")
    # Names are of feature_repo; keys and values are bound.
    statement = (f'insert into "{name}" (entity_key, feature_name, {", ".join(columns)}) values {values} '  # noqa: S608
                 "on conflict (entity_key, feature_name) do update set "
                 + ", ".join(f"{column} = excluded.{column}" for column in columns))
    connection = _online(store)._get_conn(store.config)
    with connection:
        connection.executemany(statement, _sqlite_rows(store, features, table))


def _sqlite_rows(store: Any, features: Sequence[Any], table: pa.Table) -> Iterator[tuple[bytes | str | None, ...]]:
    """Of each subscriber the key, then of each feature the message and the text that Feast keeps beside it."""
    from feast.infra.online_stores.helpers import extract_text_and_num

    for batch in table.to_batches(max_chunksize=CHUNK):
        columns: list[Any] = [_entity_keys(store, batch[KEY].to_pylist())]
        for one in features:
            messages, places = _messages(batch[one.name], one)
            kept = [(message.SerializeToString(), extract_text_and_num(message, False)[0]) for message in messages]
            columns += [[kept[place][part] for place in places] for part in (0, 1)]
        yield from zip(*columns, strict=True)


def _to_redis(store: Any, view: Any, table: pa.Table, as_of: date) -> None:
    from feast.infra.online_stores.helpers import _mmh3
    from feast.infra.online_stores.redis import _versioned_fv_name
    from google.protobuf.timestamp_pb2 import Timestamp

    name, stamp = _versioned_fv_name(view, store.config), Timestamp()
    stamp.FromDatetime(midnight(as_of))
    head = [f"_ts:{name}", stamp.SerializeToString()]
    fields = [_mmh3(f"{name}:{one.name}") for one in view.features]
    client = _online(store)._get_client(store.config.online_store)
    for batch in table.to_batches(max_chunksize=CHUNK):
        columns = []
        for one in view.features:
            messages, places = _messages(batch[one.name], one)
            kept = [message.SerializeToString() for message in messages]
            columns.append([kept[place] for place in places])
        with client.pipeline(transaction=False) as pipe:
            # Over the same night as well, where Feast would skip it: a rollback's scores must reach the desk.
            for key, *values in zip(_redis_keys(store, batch[KEY].to_pylist()), *columns, strict=True):
                pipe.hset(key, items=[*head, *(part for pair in zip(fields, values, strict=True) for part in pair)])
            pipe.execute()


def _messages(column: pa.Array, feature: Any) -> tuple[list[Any], list[int]]:
    """Feast's message of each distinct value, the last for what is missing, and which of them each row has."""
    from feast.type_map import python_values_to_proto_values

    coded = column.dictionary_encode()
    messages = python_values_to_proto_values([*coded.dictionary.to_pylist(), None], feature.dtype.to_value_type())
    return messages, coded.indices.fill_null(len(messages) - 1).to_pylist()


def _redis_keys(store: Any, subscriber_ids: Sequence[str]) -> list[bytes]:
    project = store.project.encode()
    return [key + project for key in _entity_keys(store, subscriber_ids)]


def _entity_keys(store: Any, subscriber_ids: Sequence[str]) -> list[bytes]:
    version = store.config.entity_key_serialization_version
    return [_before(len(one), version) + one for one in map(str.encode, subscriber_ids)]


@lru_cache
def _before(length: int, version: int) -> bytes:
    """What Feast's encoding of a key has before an id of so many bytes: the name of the key, types and lengths."""
    from feast.infra.key_encoding_utils import serialize_entity_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    key = EntityKey(join_keys=[KEY], entity_values=[Value(string_val="x" * length)])
    whole: bytes = serialize_entity_key(key, entity_key_serialization_version=version)
    return whole.removesuffix(b"x" * length)


def _online(store: Any) -> Any:
    return store._get_provider().online_store
