"""Frames for training and scoring from one feature service: a row that is missing, doubled or late stops the read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import Held, UsageError
from pipelines.features import store
from pipelines.ordering import ordered
from pipelines.publish import Dataset
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

KEYS = ["subscriber_id", "event_timestamp"]


def feature_columns(service: str) -> list[str]:
    """The feature names of a service, in the order of its views and their fields."""
    return [name for view in store.views(service) for name in view.columns]


def alike(service: str, other: str) -> bool:
    """Whether two services take the same columns of the same views, so that a read for one is a read for the other."""
    return store.views(service) == store.views(other)


def training_frame(service: str, entities: pd.DataFrame) -> pd.DataFrame:
    """Features of (subscriber_id, event_timestamp) rows as known at that time: one row out per row in.

    `event_timestamp` is the midnight of a published as_of, naive UTC. Other columns of `entities` (labels) stay beside
    their key. Sorted by (event_timestamp, subscriber_id); columns: the keys, the others, the features. Raises Held
    when a row comes back doubled, lost, or without its feature row.
    """
    import pandas as pd

    features = feature_columns(service)
    keys = _checked_keys(entities, features, service)
    nights = [stamp.date() for stamp in keys["event_timestamp"].drop_duplicates()]
    asked = entities.assign(event_timestamp=keys["event_timestamp"])
    asked = asked.sort_values(["event_timestamp", "subscriber_id"], ignore_index=True)
    found = store.historical_of(service, keys, *nights)
    reasons = [] if len(found) == len(keys) else [f"{len(keys)} rows in, {len(found)} rows out"]
    reasons += _unfound(found, service)
    # Both are sorted and no key was asked for twice: equal keys, row by row, are one row out per row in.
    if not reasons and not all((asked[name].to_numpy() == found[name].to_numpy()).all() for name in KEYS):
        reasons.append(f"{len(keys)} rows in, as many out, but of other subscribers or nights")
    if reasons:
        raise Held(f"training frame {service}", reasons, "publish these as_ofs: telco unify --as-of <cut-off>")
    others = [name for name in entities.columns if name not in KEYS]
    return pd.concat([asked[[*KEYS, *others]], found[features]], axis="columns")


def scoring_frame(service: str, as_of: date) -> pd.DataFrame:
    """As `scoring_table`, for pandas."""
    frame: pd.DataFrame = scoring_table(service, as_of).to_pandas()
    return frame


def scoring_table(service: str, as_of: date) -> pa.Table:
    """Features of everyone active at as_of: `subscriber_id`, then the service's columns, sorted by subscriber_id.

    Every view's partition must hold exactly the subscribers of the active roster, row for row; otherwise Held says
    how many are missing, doubled or foreign. An unpublished or altered partition raises Held or IntegrityError.
    """
    import pyarrow as pa

    active = _active_roster(as_of)
    columns: dict[str, Any] = {"subscriber_id": active}
    for view in store.views(service):
        verify(view.dataset, as_of)
        table = store.partition(view, as_of)
        _check_same_subscribers(f"{view.name} {as_of}", table.column("subscriber_id").combine_chunks(), active)
        columns |= {name: table.column(name) for name in view.columns}
    return pa.table(columns)


def partition_digests(service: str, as_of: date) -> dict[str, str]:
    """sha256 of the roster, of what was consented to and of every feature partition that decide this night's scores."""
    found = {}
    for dataset in ("roster", "consent", *(view.dataset for view in store.views(service))):
        entry = Dataset(settings().features / dataset, ("as_of",)).entry({"as_of": as_of.isoformat()})
        if entry or dataset != "consent":  # nights from before consents were published have none
            found[dataset] = entry.sha256 if entry else ""
    return found


def verify(dataset: str, as_of: date) -> Path:
    """The path of a feature partition after comparing its sha256. Held when unpublished, IntegrityError if altered."""
    partitions = Dataset(settings().features / dataset, ("as_of",))
    key = {"as_of": as_of.isoformat()}
    if partitions.entry(key) is None:
        raise Held(f"{dataset} {as_of}", ["no such partition is published"], f"telco unify --as-of {as_of}")
    return partitions.verify(key)


def _checked_keys(entities: pd.DataFrame, features: list[str], service: str) -> pd.DataFrame:
    absent = [name for name in KEYS if name not in entities.columns]
    if absent:
        raise UsageError(f"training frame {service}: the entity rows lack {absent}")
    clash = sorted(set(entities.columns) & set(features))
    if clash:
        raise UsageError(f"training frame {service}: {clash} are features too; rename them in the entity rows")
    keys = entities[KEYS].copy()
    if len(keys) == 0:
        raise Held(f"training frame {service}", ["no entity rows"], "publish labels that have matured first")
    if keys.isna().any().any() or keys.duplicated().any():
        raise Held(f"training frame {service}", ["entity rows have NULL or doubled (subscriber_id, event_timestamp)"])
    return keys.assign(event_timestamp=keys["event_timestamp"].astype("datetime64[us]"))


def _unfound(found: pd.DataFrame, service: str) -> list[str]:
    """Rows that no published feature row stands behind: their never-NULL column is NULL."""
    reasons = []
    for view in store.views(service):
        without = found[found[view.always_set].isna()]
        if len(without):
            cutoffs = sorted({str(stamp.date()) for stamp in without["event_timestamp"]})
            reasons.append(f"{len(without)} rows have no row in {view.name}, at {', '.join(cutoffs[:5])}")
    return reasons


def _active_roster(as_of: date) -> pa.Array:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(verify("roster", as_of), columns=["subscriber_id", "is_active"], partitioning=None)
    active = ordered(table.filter(pc.field("is_active")))
    if len(active) == 0:
        raise Held(f"roster {as_of}", [f"nobody of the {len(table)} on the roster is active"])
    return active["subscriber_id"].combine_chunks()


def _check_same_subscribers(what: str, found: pa.Array, active: pa.Array) -> None:
    if found.equals(active):
        return
    have, want = found.to_pylist(), set(active.to_pylist())
    reasons = [f"{len(have)} rows for {len(want)} active subscribers"]
    for rows, words in ((sorted(want - set(have)), "have no row"), (sorted(set(have) - want), "are not active")):
        if rows:
            reasons.append(f"{len(rows)} {words}, for example {rows[0]}")
    if len(have) > len(set(have)):
        reasons.append(f"{len(have) - len(set(have))} rows are doubled")
    raise Held(what, reasons, "rebuild that night: telco unify")
