"""CPU seconds of every model and test of a home's last dbt build, each run by itself once more.

    python benchmarks/nodes.py --home /data/bench/20000x225

dbt writes down wall seconds, which on a busy machine or with two threads say little. Here each compiled query of
run_results.json runs alone on the tables that the build left: a model into a temporary table, a test as its count.
Views cost nothing until they are read and are left out. Markdown: the longest, then sums by kind.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb

SETTINGS = ("set TimeZone = 'UTC'", "set preserve_insertion_order = false")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a home whose warehouse was built")
    parser.add_argument("--slowest", type=int, default=25, help="nodes shown (default: 25)")
    options = parser.parse_args(words)
    results = json.loads((options.home / "warehouse/dbt/run_results.json").read_text())["results"]
    limits = {"memory_limit": os.environ.get("TELCO_MEMORY_LIMIT") or "4GB", "threads": str(os.cpu_count())}
    path = (options.home / "warehouse/warehouse.duckdb").resolve()
    with duckdb.connect(str(path), read_only=True, config=limits) as connection:
        for setting in SETTINGS:
            connection.execute(setting)
        views = {name for (name,) in connection.execute("select view_name from duckdb_views()").fetchall()}
        spent = {name: cost for one in results if (cost := cpu_s(connection, one, views)) is not None
                 for name in [one["unique_id"].split(".", 2)[2]]}
    print("\n".join(table(spent, options.slowest)))
    return 0


def cpu_s(connection: Any, result: dict[str, Any], views: set[str]) -> tuple[str, float] | None:
    """The layer of a node and its CPU seconds with all threads; None for what is no query of its own."""
    kind, _, name = result["unique_id"].split(".", 2)
    query = result["compiled_code"]
    if kind not in ("model", "test") or not query or name in views:
        return None
    began = time.process_time()
    if kind == "model":
        connection.execute(f"create or replace temp table probed as ({query.strip().rstrip(';')}\n)")
    else:
        connection.execute(f"select count(*) from ({query.strip().rstrip(';')}\n)").fetchall()
    cost = time.process_time() - began
    layer = "tests" if kind == "test" else {"int": "intermediate", "ftr": "features", "lbl": "labels"}.get(
        name.split("_")[0], "core")
    return layer, cost


def table(spent: dict[str, tuple[str, float]], shown: int) -> list[str]:
    """Markdown lines."""
    layers: dict[str, float] = defaultdict(float)
    for layer, cost in spent.values():
        layers[layer] += cost
    longest = sorted(spent.items(), key=lambda item: -item[1][1])[:shown]
    return [
        f"{len(spent)} models and tests, {sum(layers.values()):.1f} CPU s: "
        + ", ".join(f"{layer} {cost:.1f}" for layer, cost in sorted(layers.items(), key=lambda item: -item[1])) + "\n",
        "| model or test | CPU s |", "|---|---:|", *(f"| {name} | {cost:.2f} |" for name, (_, cost) in longest),
    ]


if __name__ == "__main__":
    sys.exit(main())
