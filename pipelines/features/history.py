"""Feast's point-in-time join of keys alone: not the values of the row that answers, but where it lies (`places`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipelines.features.places import PARTS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def places(store: Any, views: Sequence[Any], keys: pd.DataFrame) -> pa.Table:
    """The keys in their order, and in `<view>__<part of a place>` where the row lies that answers, NULL where none.

    A row must have happened and be known by then, and live (ttl). Views whose marts hold the same keys in the same
    rows are joined once: what answers in one answers in the other.
    """
    import ibis
    import pyarrow as pa
    from feast.infra.offline_stores.duckdb import _write_data_source
    from feast.infra.offline_stores.ibis import get_historical_features_ibis

    rows = {view.batch_source.name: _candidates(view.batch_source, keys) for view in views}

    def alike(one: Any, other: Any) -> bool:
        return bool(one.ttl == other.ttl and rows[one.batch_source.name].equals(rows[other.batch_source.name]))

    first = {view.name: next(one for one in views if alike(one, view)) for view in views}
    asked = [view for view in views if first[view.name] is view]
    found = naive(get_historical_features_ibis(
        config=store.config, feature_views=asked,
        feature_refs=[f"{view.projection.name_to_use()}:{part}" for view in asked for part in PARTS],
        entity_df=utc(keys).assign(number=range(len(keys))), registry=store.registry, project=store.project,
        data_source_reader=lambda source, folder: ibis.memtable(rows[source.name]),
        data_source_writer=_write_data_source, full_feature_names=True, filter_by_created_timestamp=True,
    ).to_arrow()).sort_by("number")
    lying = {f"{name}__{part}": found[f"{one.name}__{part}"] for name, one in first.items() for part in PARTS}
    return pa.table({name: found[name] for name in keys} | lying)


def _candidates(source: Any, keys: pd.DataFrame) -> pa.Table:
    """Whose, when, known when and where: the rows of a mart that could answer one of these keys.

    A row lives less than a day, so no partition but a night's and its neighbours' can answer, and what stands in the
    neighbours must lose. DuckDB filters on the hive column, so it opens three files for a night and not all; and on
    the subscribers from the first to the last, so of a partition, which is sorted by them, it reads few row groups.
    """
    import ibis

    nights = {stamp.date() for stamp in keys["event_timestamp"].drop_duplicates()}
    wanted = {night + timedelta(days=offset) for night in nights for offset in (-1, 0, 1)}
    table = ibis.read_parquet(source.path, file_row_number=True)
    who, night = table["subscriber_id"], table["as_of"].cast("date")
    near = table.filter(night.isin([ibis.date(one.isoformat()) for one in sorted(wanted)]),
                        who.between(keys["subscriber_id"].min(), keys["subscriber_id"].max()))
    return near.select("subscriber_id", source.timestamp_field, source.created_timestamp_column, "file_row_number",
                       as_of=near["as_of"].cast("date")).to_pyarrow()


def utc(keys: pd.DataFrame) -> pd.DataFrame:
    """The keys with times that say so."""
    return keys.assign(event_timestamp=keys["event_timestamp"].dt.tz_localize("UTC"))


def naive(found: pa.Table) -> pa.Table:
    """What a retrieval found, with naive UTC times in microseconds."""
    import pyarrow as pa

    place, stamps = found.column_names.index("event_timestamp"), found["event_timestamp"]
    return found.set_column(place, "event_timestamp", stamps.cast(pa.timestamp("us")))
