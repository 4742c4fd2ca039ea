"""The owner of Feast, with `history` for its join and `writing` for what goes online: opens the store of this home.

It answers in our own types. Every function first registers the definitions if they changed, which costs a digest when
they did not.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pipelines.clock import midnight
from pipelines.errors import UsageError
from pipelines.features import history, places, repository, rules, writing
from pipelines.ordering import ordered
from pipelines.progress import Report, silent
from pipelines.publish import write_json
from pipelines.settings import PROJECT, settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

log = logging.getLogger(__name__)

REPOSITORY = PROJECT / "feature_repo"
JOINED_AT_ONCE: Final = 500_000  # rows of one join: keys of a night of 300,000 take 0.4 GB in it


@dataclass(frozen=True)
class View:
    """A feature view: the published dataset it reads, the features taken, and the column that is never NULL."""

    name: str
    dataset: str
    columns: tuple[str, ...]
    always_set: str


def apply(*, report: Report = silent) -> bool:
    """Register feature_repo's definitions; False, without paying for Feast, when these very ones are registered.

    Raises Held when a definition breaks a rule, before anything is registered; above all when a service is no longer
    what a model version was trained with.
    """
    stamp = settings().feast / "applied.json"
    digest = repository.digest(REPOSITORY)
    with lock("apply"):
        applied = json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else {}
        stands = bool(settings().feast_registry) or (settings().feast / "registry.db").exists()
        if applied.get("digest") == digest and stands:
            return False
        report("features: registering definitions")
        store = _open()
        with repository.loadable(REPOSITORY), _quiet():
            from feast.repo_operations import extract_objects_for_apply_delete, parse_repo

            contents = parse_repo(REPOSITORY)
            rules.check({view.name: view.tags for view in contents.feature_views}, _services(contents))
            wanted, obsolete, _, _ = extract_objects_for_apply_delete(store.project, store.registry, contents)
            store.apply(wanted, objects_to_delete=obsolete, partial=False)
        write_json(stamp, {"digest": digest})
    log.info("applied feature definitions digest=%s", digest[:12])
    return True


def views(service: str) -> list[View]:
    """The views of a feature service, in its order. Raises UsageError naming the services there are."""
    store = _registered()
    from feast.errors import FeatureServiceNotFoundException

    try:
        projections = store.get_feature_service(service).feature_view_projections
    except FeatureServiceNotFoundException:
        known = ", ".join(sorted(one.name for one in store.list_feature_services()))
        raise UsageError(f"no feature service {service!r}; there are {known}") from None
    return [_view(store.get_feature_view(one.name), [field.name for field in one.features]) for one in projections]


def online_views(*, pushed: bool | None = None) -> list[View]:
    """The views of the online store, by name: all, those pushed to it, or those materialised from partitions."""
    return _online(_registered(), pushed)


def _online(store: Any, pushed: bool | None = None) -> list[View]:
    found = [view for view in store.list_feature_views() if view.online]
    wanted = [view for view in found if pushed is None or ("pushed" in view.tags) == pushed]
    return [_view(view, [one.name for one in view.features]) for view in sorted(wanted, key=lambda one: one.name)]


def historical(service: str, keys: pd.DataFrame, *, known_by_then: bool = True) -> pd.DataFrame:
    """Feast's point-in-time join for (subscriber_id, event_timestamp naive UTC) rows, sorted by time and subscriber.

    `known_by_then` drops what was created after the row's time. Without it a correction that arrived after a cut-off
    is read at that cut-off; nothing but a test that shows the leak turns it off.
    """
    store = _registered()
    with _quiet():
        found = store.get_historical_features(
            entity_df=history.utc(keys), features=store.get_feature_service(service),
            filter_by_created_timestamp=known_by_then,
        ).to_arrow()
    order = [("event_timestamp", "ascending"), ("subscriber_id", "ascending")]
    frame: pd.DataFrame = history.naive(found).sort_by(order).to_pandas()
    return frame


def historical_of(service: str, keys: pd.DataFrame) -> pd.DataFrame:
    """As `historical`, in the order of `keys`, from the partitions of their nights and the neighbours only.

    Feast's join says which row answers, by its place, and the values are read from there: joined, ranked and sorted
    with the keys, 80 columns took twice the CPU and three times the memory.
    """
    import pandas as pd
    import pyarrow as pa

    store = _registered()
    projections = store.get_feature_service(service).feature_view_projections
    found = [store.get_feature_view(one.name).with_projection(one) for one in projections]
    with _quiet():
        lying = pa.concat_tables(history.places(store, found, keys.iloc[start:start + JOINED_AT_ONCE])
                                 for start in range(0, len(keys), JOINED_AT_ONCE))
    columns = dict(lying.select(list(keys)).to_pandas())
    for view in found:
        wanted = [field.name for field in view.projection.features]
        columns |= dict(places.values(view.batch_source.path, lying, view.name, wanted))
    return pd.DataFrame(columns, copy=False)


def partition(view: View, as_of: date) -> pa.Table:
    """One as_of of a view through Feast's offline store: subscriber_id, features, sorted by subscriber_id.

    The hive column as_of rides along, so that DuckDB opens one file: 1.8 s for 1M x 40 in three views, where the
    point-in-time join took 12 to 37 s and grew with every night published.
    """
    store = _registered()
    import ibis
    from feast.infra.offline_stores.duckdb import DuckDBOfflineStore

    source, start = store.get_feature_view(view.name).batch_source, midnight(as_of)
    with _quiet():
        table = DuckDBOfflineStore.pull_all_from_table_or_query(
            config=store.config,
            data_source=source,
            join_key_columns=["subscriber_id"],
            feature_name_columns=[*view.columns, "as_of"],
            timestamp_field=source.timestamp_field,
            created_timestamp_column=source.created_timestamp_column,
            start_date=start,
            end_date=start,
        ).table
        known = table.filter(
            table["as_of"].cast("date") == ibis.date(as_of.isoformat()),
            table[source.created_timestamp_column] <= ibis.timestamp(start.replace(tzinfo=None)),
        )
        return ordered(known.select("subscriber_id", *view.columns).to_pyarrow())


def write_online(view: View, as_of: date) -> None:
    """Write one as_of of a view to the online store. The caller guards that it never moves backwards."""
    store, start = _registered(), midnight(as_of)
    found = store.get_feature_view(view.name)
    writing.write(store, found, partition(view, as_of), as_of)
    store.registry.apply_materialization(found, store.project, start - timedelta(seconds=1), start)


def push(source: str, table: pa.Table, as_of: date) -> None:
    """Write rows to the views of a push source, stamped with the as_of. The caller guards as for write_online."""
    store = _registered()
    for view in store.list_feature_views():
        if view.tags.get("pushed") == source:
            writing.write(store, view, table, as_of)


def read_rows(subscriber_id: str) -> dict[str, tuple[date | None, dict[str, Any]]]:
    """What every online view holds of one subscriber: its as_of (None when unknown) and its values, missing as None.

    One call of Feast. Registers nothing: a desk must not wait for, or write to, anything but the online store.
    """
    store = _open()
    views = _online(store)
    answer = store.get_online_features(
        features=[f"{view.name}:{name}" for view in views for name in view.columns],
        entity_rows=[{"subscriber_id": subscriber_id}],
    ).to_dict(include_event_timestamps=True)
    found: dict[str, tuple[date | None, dict[str, Any]]] = {}
    for view in views:
        seconds = answer[f"{view.columns[0]}__ts"][0]
        values = {name: answer[name][0] for name in view.columns}
        known = {name: None if value != value else value for name, value in values.items()}  # NaN differs from itself
        found[view.name] = (datetime.fromtimestamp(seconds, UTC).date() if seconds > 0 else None, known)
    return found


def read_online(view: View, subscriber_ids: list[str]) -> pd.DataFrame:
    """subscriber_id, as_of (None when the store does not know the subscriber), then the view's features."""
    import pandas as pd

    answer = _registered().get_online_features(
        features=[f"{view.name}:{name}" for name in view.columns],
        entity_rows=[{"subscriber_id": one} for one in subscriber_ids],
    ).to_df(include_event_timestamps=True)
    stamps = pd.to_datetime(answer[f"{view.columns[0]}__ts"], unit="s", utc=True)
    known = pd.Series([stamp.date() if stamp.timestamp() > 0 else None for stamp in stamps], dtype=object)
    return answer.assign(as_of=known)[["subscriber_id", "as_of", *view.columns]]  # type: ignore[no-any-return]


def forget_in_redis(subscriber_ids: Sequence[str], *, dry: bool = False) -> int:
    """Delete what Redis keeps of subscribers; returns of how many there was something."""
    return writing.forget_in_redis(_open(), subscriber_ids, dry=dry)


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """One process at a time below settings().feast."""
    folder = settings().feast
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _services(contents: Any) -> dict[str, rules.Service]:
    return {
        service.name: rules.Service(
            service.name,
            {field.name: str(field.dtype) for view in service.feature_view_projections for field in view.features},
            tuple(view.name for view in service.feature_view_projections),
        )
        for service in contents.feature_services
    }


def _view(found: Any, columns: list[str]) -> View:
    return View(found.name, found.batch_source.name, tuple(columns), found.tags.get("always_set", columns[0]))


def _registered() -> Any:
    apply()
    return _open()


def _open() -> Any:
    now = settings()
    return _open_store(str(now.home), now.memory_limit, now.threads, now.feast_registry, now.feast_redis)


@lru_cache(maxsize=1)
@repository.uncollected()
def _open_store(home: str, memory_limit: str, threads: int, registry: str, redis: str) -> Any:
    """The feature store of a home, and DuckDB's limits for everything Feast reads in this process."""
    repository.import_feast()
    import ibis
    import yaml  # type: ignore[import-untyped]
    from feast import FeatureStore, RepoConfig

    settings().feast.mkdir(parents=True, exist_ok=True)
    # ibis sets the session's time zone to UTC, which our naive timestamps need: Feast casts them to UTC.
    ibis.set_backend(ibis.duckdb.connect(memory_limit=memory_limit, threads=threads))
    text = (REPOSITORY / "feature_store.yaml").read_text(encoding="utf-8").replace("${TELCO_HOME}", home)
    config = yaml.safe_load(text)
    if registry:
        config["registry"]["path"] = registry
        # A server that was started again has closed what the pool holds: asked first, a dead connection is replaced.
        config["registry"]["sqlalchemy_config_kwargs"] = {"echo": False, "pool_pre_ping": True}
    if redis:
        config["online_store"] = {"type": "redis", "connection_string": redis}
    return FeatureStore(config=RepoConfig(repo_path=REPOSITORY, **config))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Feast's prints out of our output, and one warning: ibis 12 calls a deprecated name of DuckDB 2.0."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
        yield
