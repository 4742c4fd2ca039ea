"""`python -m pipelines.stack.warm scheduler`: load the heavy libraries once, then be Airflow's scheduler.

LocalExecutor forks its task processes from the scheduler, so what is loaded here costs no task anything: 22 CPU
seconds once instead of 5 to 15 in every task of every night. Only libraries: our own code is imported by the tasks,
so that a change of it needs no restart. Where processes are not forked (macOS) nothing is gained and nothing is lost.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
import time
import urllib.error
import urllib.request

# By name and not by import: each of them has one owner in pipelines/, and here nobody uses them.
LIBRARIES = (
    "pandas", "pyarrow.parquet", "duckdb", "great_expectations", "feast", "ibis", "xgboost", "sklearn.linear_model",
    "mlflow.xgboost", "evidently.metrics",
)
PATIENCE_SECONDS = 240.0


def warm() -> None:
    """Import every library. One that does not import is the tasks' to complain about."""
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            sys.stderr.write(f"warm: {name} does not import: {error}\n")


def wait_for_api(base_url: str) -> None:
    """Until the api-server answers: runs failed when the scheduler was there before it. Gives up after a while."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{base_url}/api/v2/version", timeout=3).close()  # noqa: S310
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return


if __name__ == "__main__":
    warm()
    wait_for_api(os.environ["AIRFLOW__API__BASE_URL"])
    runpy.run_module("airflow", run_name="__main__", alter_sys=True)
