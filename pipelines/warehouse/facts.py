"""Facts of the estate and the days of a build as Parquet, so that dbt reads them like any other source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pipelines.estate import Estate, estate
from pipelines.landing import raw
from pipelines.landing.contract import FEEDS
from pipelines.landing.shapes import Feed
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.warehouse.plan import Plan


def write(plan: Plan) -> None:
    """Write what `source('estate', ...)` reads below warehouse/estate/, each file in one rename."""
    import pyarrow as pa

    facts = estate()
    folder = settings().warehouse / "estate"
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "cost_rates.parquet", _cost_rates(facts))
    _replace(folder / "drops.parquet", drops())
    _replace(folder / "exchange_rates.parquet", _exchange_rates(facts))
    _replace(folder / "feeds.parquet", _feeds(facts))
    _replace(folder / "as_ofs.parquet", pa.table({"as_of": pa.array(plan.as_ofs, pa.date32())}))
    _replace(folder / "labels.parquet", _labels(plan))
    cutoffs = [(label.name, day) for label, days in plan.labels.items() for day in days]
    _replace(folder / "label_days.parquet", pa.table({
        "label": pa.array([name for name, _ in cutoffs], pa.string()),
        "as_of": pa.array([day for _, day in cutoffs], pa.date32()),
    }))
    names = sorted(facts.operators)
    _replace(folder / "operators.parquet", pa.table({
        "operator": pa.array(names, pa.string()),
        **{
            fact: pa.array([getattr(facts.operators[name], fact) for name in names], pa.string())
            for fact in ("currency", "time_zone", "region", "legal_basis")
        },
    }))


def _labels(plan: Plan) -> object:
    import pyarrow as pa

    return pa.table({
        "label": pa.array([label.name for label in plan.labels], pa.string()),
        **{days: pa.array([getattr(label, days) for label in plan.labels], pa.int32())
           for days in ("horizon_days", "grace_days")},
    })


def _cost_rates(facts: Estate) -> object:
    import pyarrow as pa

    rates = sorted(facts.cost_rates.items())
    return pa.table({
        "product_code": pa.array([product for product, _ in rates], pa.string()),
        "rate_house": pa.array([Decimal(cents) / 100 for _, cents in rates], pa.decimal128(18, 4)),
    })


def drops() -> object:
    """Every accepted version of every drop, by the manifests: shape_id, source, dt, drop_version, superseded_on.

    An empty correction replaces too, although no row of it is in raw/.
    """
    import pyarrow as pa

    rows = [
        (feed.id, source, entry.key["dt"], version, superseded_on)
        for feed in FEEDS for source, dataset in senders(feed)
        for entry in dataset.entries().values()
        for version, superseded_on in _versions(raw.drops(entry))
    ]
    kinds = [("shape_id", pa.string()), ("source", pa.string()), ("dt", pa.string()), ("drop_version", pa.int32()),
             ("superseded_on", pa.date32())]
    return pa.table([pa.array([row[place] for row in rows], kind) for place, (_, kind) in enumerate(kinds)],
                    names=[name for name, _ in kinds])


def senders(feed: Feed) -> Iterator[tuple[str, Dataset]]:
    """The partitions of a shape of the contract, by who sent them."""
    own = raw.dataset(feed)
    yield feed.source, own
    for folder in sorted(own.root.glob("from=*/")):
        yield folder.name.removeprefix("from="), Dataset(folder, ("dt",))


def _versions(drops: list[dict[str, Any]]) -> Iterator[tuple[int, date | None]]:
    ordered = sorted((drop["version"], date.fromisoformat(drop["known_on"])) for drop in drops)
    for (version, _), following in zip_longest(ordered, ordered[1:]):
        yield version, following[1] if following else None


def _exchange_rates(facts: Estate) -> object:
    import pyarrow as pa

    own = (facts.currency, date.min, Decimal(1))
    rates = sorted([own, *((rate.currency, rate.valid_from, rate.rate) for rate in facts.exchange_rates)])
    return pa.table({
        "currency": pa.array([currency for currency, _, _ in rates], pa.string()),
        "valid_from": pa.array([valid_from for _, valid_from, _ in rates], pa.date32()),
        "rate": pa.array([float(rate) for _, _, rate in rates], pa.float64()),
    })


def _feeds(facts: Estate) -> object:
    import pyarrow as pa

    names = sorted(facts.feeds)
    return pa.table({
        "feed_id": pa.array(names, pa.string()),
        "shape_id": pa.array([facts.feeds[name].like or name for name in names], pa.string()),
        "operator": pa.array([facts.feeds[name].operator for name in names], pa.string()),
        "is_delivered": pa.array([facts.feeds[name].delivered for name in names], pa.bool_()),
    })


def _replace(path: Path, table: object) -> None:
    import pyarrow.parquet as pq

    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    pq.write_table(table, beside)
    os.replace(beside, path)
