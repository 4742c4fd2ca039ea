"""A region changes its radio vendor: do the quality features stand still while every raw counter jumps?

    python benchmarks/vendor_swap.py                                       # 30,000 subscribers x 225 days
    python benchmarks/vendor_swap.py --subscribers 100000 --home /data/bench    # keep the homes, or take them up again

Simulates the scenario `vendor_swap` (the cells of the north become nokia's on one day: other counter names, units and
periods) and its twin, `steady` with the same seed, in which the same calls are made and nothing is swapped. Both are
bootstrapped. Then the population stability index of 30 days before the swap against 30 days after it, for

- the quality features of the region's subscribers, at the last cut-off before and the first whose month lies after;
- the key indicators of the region's cells and days, as int_cell_kpis computes them;
- the raw counters of the region's cells, a value a period as each vendor's file has it.

PSI = sum over ten bins of (q - p) ln(q / p), the bins with equal counts before; a value on a bound is a bin of its own,
or a counter that is nearly always 0 would seem to stand still. Beside the swapped region stand the others and the twin:
its north moves too, because other cells have a bad month. `swap alone` compares north after the swap with north of the
twin on the same days. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from house import DAY, LONGEST_WINDOW, START, machine, made  # noqa: E402

REGION, SWAP_AT = "north", 0.75  # of pipelines/simulate/scenarios/vendor_swap.toml
MONTH = timedelta(days=30)
FEATURES = ("retainability_ratio_30d", "dl_throughput_mbps_30d", "dl_latency_ms_30d", "availability_ratio_30d",
            "bad_cell_share_30d")
KPIS = ("accessibility_ratio", "retainability_ratio", "dl_throughput_mbps", "dl_latency_ms", "availability_ratio",
        "prb_load_ratio")
Values = np.ndarray[Any, Any]
BINS, TINY = 10, 1e-4


@dataclass(frozen=True)
class House:
    """One simulated home and the two cut-offs compared: the month before each lies before, or after, the swap."""

    home: Path
    before: date
    after: date


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=30_000, help="of each house (default: 30000)")
    parser.add_argument("--days", type=int, default=225, help="days of history in the dump (default: 225)")
    parser.add_argument("--seed", type=int, default=7, help="of both houses (default: 7)")
    parser.add_argument("--home", type=Path, help="folder for both homes, kept; by default a temporary one, deleted")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    before, after = cutoffs(options.days)
    with tempfile.TemporaryDirectory() as place:
        root = options.home or Path(place)
        swapped, twin = (
            House(made(root / scenario, options.subscribers, options.days, 0, scenario=scenario, seed=options.seed),
                  before, after) for scenario in ("vendor_swap", "steady"))
        stable = [*moved(swapped, twin, features, FEATURES), *moved(swapped, twin, kpis, KPIS)]
        raw = list(counters(swapped, twin))
    head = ["| | values before / after | PSI, swapped region | PSI, other regions | PSI, twin's region | swap alone |",
            "|---|---:|---:|---:|---:|---:|"]
    print("\n".join([*head, *stable]))
    print("\n| raw counter, by period | median before | median after | PSI, swapped region | PSI, twin's region |",
          "|---|---:|---:|---:|---:|", *raw, sep="\n")
    print(f"\n{options.subscribers:,} subscribers x {options.days} days, seed {options.seed}; cut-offs {before} and "
          f"{after}, swap on {swapped_on(options.days)}. {machine()}")
    return 0


def swapped_on(days: int) -> date:
    return START + round(SWAP_AT * days) * DAY


def cutoffs(days: int) -> tuple[date, date]:
    """The last weekly cut-off whose month ends before the swap, and the first whose month begins after it."""
    swap, last = swapped_on(days), START + timedelta(days=days)
    grid = [START + LONGEST_WINDOW + timedelta(days=7 * week) for week in range(days // 7)]
    before = [day for day in grid if day <= swap]
    after = [day for day in grid if swap + MONTH <= day <= last]
    if not before or not after:
        raise SystemExit(f"vendor_swap: {days} days leave no cut-off before the swap on {swap} or 30 days after it; "
                         "simulate 200 days or more")
    return before[-1], after[0]


def psi(before: Values, after: Values) -> float:
    """Population stability index of two samples without missing values, over tenths of the first."""
    bounds = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    p, q = (np.maximum(np.bincount(
        np.searchsorted(bounds, sample, side="left") + np.searchsorted(bounds, sample, side="right"),
        minlength=2 * len(bounds) + 1) / len(sample), TINY) for sample in (before, after))
    return float(np.sum((q - p) * np.log(q / p)))


def moved(swapped: House, twin: House, read: Any, names: tuple[str, ...]) -> Iterator[str]:
    """A Markdown line for each feature or indicator."""
    old, new = read(swapped, swapped.before), read(swapped, swapped.after)
    twin_old, twin_new = read(twin, twin.before), read(twin, twin.after)
    for name in names:
        mine, theirs = (old[name, True], new[name, True]), (old[name, False], new[name, False])
        unmoved = (twin_old[name, True], twin_new[name, True])
        yield (f"| `{name}` | {len(mine[0]):,} / {len(mine[1]):,} | {psi(*mine):.3f} | {psi(*theirs):.3f} "
               f"| {psi(*unmoved):.3f} | {psi(unmoved[1], mine[1]):.4f} |")


def features(house: House, as_of: date) -> dict[tuple[str, bool], Values]:
    """Published quality features of an as_of: {(feature, whether of the region): values}."""
    import pyarrow.parquet as pq

    frame = pq.read_table(house.home / f"features/ftr_subscriber_network/as_of={as_of}/data.parquet",
                          columns=["subscriber_id", *FEATURES], partitioning=None).to_pandas()
    roster = pq.read_table(house.home / f"features/roster/as_of={as_of}/data.parquet",
                           columns=["subscriber_id", "region"], partitioning=None).to_pandas()
    both = frame.merge(roster, on="subscriber_id", how="inner", validate="one_to_one")
    mine = both["region"] == REGION
    return {(name, is_mine): both.loc[mine == is_mine, name].dropna().to_numpy()
            for name in FEATURES for is_mine in (True, False)}


def kpis(house: House, as_of: date) -> dict[tuple[str, bool], Values]:
    """Key indicators of the cells' days in the month before an as_of, from the warehouse of the bootstrap."""
    import duckdb

    cells = regions(house.home)
    with duckdb.connect(str(house.home / "warehouse/warehouse.duckdb"), read_only=True) as connection:
        frame = connection.sql(
            "select * from intermediate.int_cell_kpis where as_of = ?", params=[as_of]).to_arrow_table().to_pandas()
    if frame.empty:
        raise SystemExit(f"vendor_swap: the warehouse of {house.home} no longer holds {as_of}: a night was built after "
                         "the bootstrap. Give a --home of its own")
    mine = frame["cell_id"].map(cells) == REGION
    return {(name, is_mine): frame.loc[mine == is_mine, name].dropna().to_numpy()
            for name in KPIS for is_mine in (True, False)}


def regions(home: Path) -> dict[str, str]:
    """Each cell's region, by the list the network dropped."""
    import pyarrow.parquet as pq

    rows = [row for path in sorted(home.glob("raw/network/cells/dt=*/data.parquet"))
            for row in pq.read_table(path, columns=["cell_id", "region"], partitioning=None).to_pylist()]
    return {row["cell_id"]: row["region"] for row in rows}


def counters(swapped: House, twin: House) -> Iterator[str]:
    """A Markdown line for each measurement: what the vendors' files say of it for the region's cells."""
    from pipelines.landing.feeds.counters import MEASUREMENTS

    found = {(house.home, as_of): raw_values(house.home, as_of)
             for house in (swapped, twin) for as_of in (house.before, house.after)}
    for name in MEASUREMENTS:
        old, new = (found[swapped.home, as_of][name] for as_of in (swapped.before, swapped.after))
        twin_old, twin_new = (found[twin.home, as_of][name] for as_of in (twin.before, twin.after))
        yield (f"| `{name}` | {np.median(old):,.6g} | {np.median(new):,.6g} | {psi(old, new):.2f} "
               f"| {psi(twin_old, twin_new):.3f} |")


def raw_values(home: Path, as_of: date) -> dict[str, Values]:
    """By measurement: the values of the region's cells in the month before an as_of, in each vendor's own unit."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from pipelines.landing.feeds.counters import MEASUREMENTS, VENDORS

    mine = pa.array([cell for cell, region in regions(home).items() if region == REGION])
    parts: dict[str, list[Values]] = {name: [] for name in MEASUREMENTS}
    for vendor in VENDORS:
        for path in sorted(home.glob(f"raw/pm/{vendor.name}/dt=*/data.parquet")):
            days = pq.read_table(
                path, columns=[vendor.cell, vendor.start, *(counter.name for counter in vendor.counters)],
                partitioning=None, filters=pc.is_in(pc.field(vendor.cell), mine))
            starts = days[vendor.start].to_numpy().astype("datetime64[D]")
            inside = (starts >= np.datetime64(as_of - MONTH)) & (starts < np.datetime64(as_of))
            for counter in vendor.counters:
                values = days[counter.name].to_numpy()[inside]
                parts[counter.measurement].append(values[np.isfinite(values)])
    return {name: np.concatenate(values) for name, values in parts.items()}


if __name__ == "__main__":
    sys.exit(main())
