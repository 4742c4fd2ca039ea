"""The suite of performance counters, the same for every vendor: bounds are of measurements, columns the vendor's.

Beside the vendor's columns the batch has

    _seconds_into_period   seconds from the last whole period of the granularity to the row's start
    _counters_measured     how many of the row's counters are not empty
    _prb_limit             available resource blocks times the jitter of sampling
    _mean_delay_ms         delay per packet, from the two counters that make it
    _mean_rate_mbit        volume per time with data waiting, Mbit/s

A bound per second becomes the vendor's by the period's length and the counter's factor: an hour is 360 samples of ten
seconds.
"""

from __future__ import annotations

from typing import Any

from expectations import thresholds as bound
from expectations.checks import Facts, Suite, at_least, between, common

# measurement -> (largest value per second of a period, why it is beyond)
_LARGEST: dict[str, tuple[float, str]] = {
    **dict.fromkeys(
        ("rrc_attempts", "rrc_successes", "bearer_attempts", "bearer_successes", "bearer_releases",
         "bearer_abnormal_releases"),
        (bound.MAX_SETUPS_PER_SECOND, f"more than {bound.MAX_SETUPS_PER_SECOND} a second: the counter was not reset"),
    ),
    "dl_volume_kbit": (bound.MAX_CELL_KBIT_PER_SECOND, "more than 10 Gbit/s over the period: wrong unit"),
    "dl_active_ms": (1000 * bound.MAX_ACTIVE_USERS,
                     f"more than {bound.MAX_ACTIVE_USERS} users at once all the time: wrong unit"),
    "dl_delay_ms_sum": (bound.MAX_PACKETS_PER_SECOND * bound.MAX_MEAN_DELAY_MS, "beyond any traffic: wrong unit"),
    "dl_delay_packets": (bound.MAX_PACKETS_PER_SECOND, "more packets than 10 Gbit/s holds"),
    "unavailable_s": (1, "longer than its period"),
    "prb_used": (bound.MAX_PRB_PER_SECOND, "more blocks than five carriers have"),
    "prb_available": (bound.MAX_PRB_PER_SECOND, "more blocks than five carriers have"),
}


def counters(facts: Facts) -> Suite:
    """One row per cell and period."""
    column = facts.counters
    return [
        *common(facts),
        between("_seconds_into_period", 0, 0,
                f"the period does not begin on a multiple of {facts.granularity_minutes} minutes: "
                "another granularity, or local time"),
        between("_counters_measured", 1, None, "no counter was measured: the row says nothing"),
        *(_range(facts, measurement) for measurement in column),
        at_least(column["rrc_attempts"], column["rrc_successes"], "more connections set up than attempted"),
        at_least(column["bearer_attempts"], column["bearer_successes"], "more bearers set up than attempted"),
        at_least(column["bearer_releases"], column["bearer_abnormal_releases"],
                 "more abnormal releases than releases"),
        at_least("_prb_limit", column["prb_used"], "more resource blocks used than available"),
        between("_mean_delay_ms", None, bound.MAX_MEAN_DELAY_MS,
                f"a mean delay above {bound.MAX_MEAN_DELAY_MS} ms: microseconds sent as milliseconds"),
        between("_mean_rate_mbit", None, bound.MAX_MEAN_RATE_MBIT,
                f"a mean rate above {bound.MAX_MEAN_RATE_MBIT} Mbit/s: volume or time is in another unit"),
    ]


def _range(facts: Facts, measurement: str) -> Any:
    per_second, why = _LARGEST[measurement]
    largest = per_second * 60 * facts.granularity_minutes / facts.factors[measurement]
    column = facts.counters[measurement]
    return between(column, 0, largest, f"{column} ({measurement}) is negative or {why}")
