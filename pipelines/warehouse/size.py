"""How much one build may hold: DuckDB spills what does not fit, but a build that mostly spills takes hours."""

from __future__ import annotations

import re
from typing import Final

from pipelines.errors import UsageError
from pipelines.landing.contract import BY_ID
from pipelines.publish import LIVE
from pipelines.settings import settings
from pipelines.warehouse.facts import senders

# 30,000 subscribers x 21 as_ofs fit in 4 GB; 300,000 x 21 in one build spilled 46 GB and was not done in half an hour.
SUBSCRIBERS_PER_GB: Final = 500_000
LINES: Final = ("billing_alpha.subscriptions", "billing_bravo.subscribers")
_UNITS: Final = {"KB": 1e-6, "MB": 1e-3, "GB": 1.0, "TB": 1e3}


def as_ofs_per_build() -> int:
    """As_ofs that share a build, at least one: with their subscribers below SUBSCRIBERS_PER_GB x the memory limit."""
    return max(1, int(SUBSCRIBERS_PER_GB * gigabytes(settings().memory_limit)) // max(1, subscribers()))


def subscribers() -> int:
    """Subscriptions that raw/ has ever told of."""
    import duckdb

    query = "select count(distinct subscription_token) from read_parquet(?, hive_partitioning = false)"
    total = 0
    with duckdb.connect(config={"threads": str(settings().threads)}) as connection:
        for line in LINES:
            for _, dataset in senders(BY_ID[line]):
                paths = [str(path) for path in dataset.root.glob(f"dt=*/{LIVE}")]
                if paths:
                    (count,), = connection.execute(query, [paths]).fetchall()
                    total += int(count)
    return total


def gigabytes(limit: str) -> float:
    """A memory limit as DuckDB writes it, in GB of 10^9 bytes: 4GB, 512MB, 7.5 GB."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]i?B)\s*", limit, flags=re.IGNORECASE)
    if found is None:
        raise UsageError(f"TELCO_MEMORY_LIMIT {limit!r} is no size. Write a number and a unit, for example 8GB")
    return float(found[1]) * _UNITS[found[2].upper().replace("I", "")]
