"""How much one build may hold: DuckDB spills what does not fit, but a build that mostly spills takes hours."""

from __future__ import annotations

import re
from typing import Final

from pipelines.errors import UsageError
from pipelines.landing.contract import BY_ID
from pipelines.settings import settings
from pipelines.warehouse.facts import senders

# 30,000 subscribers x 21 as_ofs fit in 4 GB; 300,000 x 21 in one build spilled 46 GB and was not done in half an hour.
SUBSCRIBERS_PER_GB: Final = 500_000
LINES: Final = ("billing_alpha.subscriptions", "billing_bravo.subscribers")
_UNITS: Final = {"KB": 1e-6, "MB": 1e-3, "GB": 1.0, "TB": 1e3}


def as_ofs_per_build() -> int:
    """As_ofs that share a build, at least one: subscribers x as_ofs stay below SUBSCRIBERS_PER_GB x the memory limit."""
    return max(1, int(SUBSCRIBERS_PER_GB * gigabytes(settings().memory_limit)) // max(1, subscribers()))


def subscribers() -> int:
    """At most so many subscribers are in raw/: the rows of what tells of subscriptions, read from the manifests."""
    return sum(
        entry.rows for line in LINES for _, dataset in senders(BY_ID[line]) for entry in dataset.entries().values()
    )


def gigabytes(limit: str) -> float:
    """A memory limit as DuckDB writes it, in GB of 10^9 bytes: 4GB, 512MB, 7.5 GB."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]i?B)\s*", limit, flags=re.IGNORECASE)
    if found is None:
        raise UsageError(f"TELCO_MEMORY_LIMIT {limit!r} is no size. Write a number and a unit, for example 8GB")
    return float(found[1]) * _UNITS[found[2].upper().replace("I", "")]
