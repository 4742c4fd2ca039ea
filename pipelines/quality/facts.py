"""What the suites are told of a feed, and the columns they need beside the feed's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import TelcoError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from expectations.checks import Facts
    from expectations.drops import DropFacts
    from pipelines.landing.contract import Feed
    from pipelines.landing.feeds.counters import Vendor

    Numbers = npt.NDArray[np.float64]


def shape_of(feed: Feed) -> str:
    """The id of the contract feed whose rows these are: its own, but for a feed that is like another."""
    return str(getattr(feed, "shape", feed.id))


def vendor_of(feed: Feed) -> Vendor | None:
    """The vendor of a feed of performance counters."""
    from pipelines.landing.feeds import counters

    source, _, name = shape_of(feed).partition(".")
    if source != counters.SOURCE:
        return None
    found = next((vendor for vendor in counters.VENDORS if vendor.name == name), None)
    if found is None:
        raise TelcoError(f"{feed.id}: no vendor {name!r} in pipelines/landing/feeds/counters.py")
    return found


def raw_facts(feed: Feed, units_per_house: float = 1.0) -> Facts:
    """The facts of a feed's suite; bounds of money are in the house's currency, times `units_per_house`."""
    from expectations.checks import Facts

    vendor = vendor_of(feed)
    return Facts(
        key=feed.key,
        values={column.name: column.values for column in feed.columns if column.values},
        has_money=any(column.money is not None for column in feed.columns),
        has_operator=feed.operator_column is not None,
        units_per_house=units_per_house,
        counters={counter.measurement: counter.name for counter in vendor.counters} if vendor else {},
        factors={counter.measurement: counter.factor for counter in vendor.counters} if vendor else {},
        granularity_minutes=vendor.granularity_minutes if vendor else 0,
    )


def drop_facts(feed: Feed) -> DropFacts:
    """The facts of the suite of a feed's whole drops."""
    from expectations.drops import DropFacts

    vendor = vendor_of(feed)
    return DropFacts(
        shape=shape_of(feed), kind=feed.kind.value,
        counters={counter.measurement: counter.name for counter in vendor.counters} if vendor else {},
    )


def units_per_house(currency: str) -> float:
    """Units of a currency in one of the house's, by its latest rate, and at least one: it only widens bounds."""
    from pipelines.estate import estate

    rates = [rate for rate in estate().exchange_rates if rate.currency == currency]
    latest = max(rates, key=lambda rate: rate.valid_from, default=None)
    return 1.0 if latest is None else max(1.0, 1 / float(latest.rate))


def with_derived(feed: Feed, frame: pd.DataFrame) -> pd.DataFrame:
    """The chunk with the columns the feed's suite needs beside its own (named in expectations/raw.py, counters.py)."""
    vendor = vendor_of(feed)
    if vendor is not None:
        return _with_counters(vendor, frame)
    if shape_of(feed) == "network.usage_daily":
        shares = frame[[f"cell_{rank}_share" for rank in (1, 2, 3)]].astype(np.float64)
        return frame.assign(_cell_share_sum=shares.sum(axis=1))
    return frame


def _with_counters(vendor: Vendor, frame: pd.DataFrame) -> pd.DataFrame:
    from expectations.thresholds import PRB_JITTER

    canonical = {
        counter.measurement: frame[counter.name].to_numpy(dtype=np.float64) * counter.factor
        for counter in vendor.counters
    }
    column = {counter.measurement: counter.name for counter in vendor.counters}
    start = frame[vendor.start].to_numpy(dtype="datetime64[us]").astype(np.int64)
    into = start % (60_000_000 * vendor.granularity_minutes) / 1e6
    packets, busy = canonical["dl_delay_packets"], canonical["dl_active_ms"]
    return frame.assign(
        _seconds_into_period=into,
        _counters_measured=sum(np.isfinite(values).astype(np.int64) for values in canonical.values()),
        _prb_limit=frame[column["prb_available"]] * PRB_JITTER,
        _mean_delay_ms=_ratio(canonical["dl_delay_ms_sum"], packets),
        _mean_rate_mbit=_ratio(canonical["dl_volume_kbit"], busy),
    )


def _ratio(part: Numbers, whole: Numbers) -> Numbers:
    """NaN where there is nothing to divide by: such a row passes."""
    ratio: Numbers = np.full_like(part, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def with_drop_derived(feed: Feed, frame: pd.DataFrame) -> pd.DataFrame:
    """The drops with the columns their suite needs (named in expectations/drops.py)."""
    unannounced = ~frame["is_day_zero"].astype(bool)
    confirmed = frame["is_confirmed"].astype(bool)
    more = {
        "_ratio_unconfirmed": frame["ratio"].where(unannounced & ~confirmed),
        "_newest_unannounced": frame["newest_days_before_drop"].where(unannounced),
        "_oldest_unannounced": frame["oldest_days_before_drop"].where(unannounced),
    }
    vendor = vendor_of(feed)
    if vendor is not None:
        from expectations.thresholds import DAY_MINUTES

        expected = frame["cells"] * (DAY_MINUTES / vendor.granularity_minutes)
        more["_periods_share"] = (frame["rows"] / expected).where(unannounced)
    return frame.assign(**more)
