"""The only place that runs dbt: one subprocess per build, its verdict read from run_results.json."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines import cost
from pipelines.errors import Held, TelcoError, UsageError
from pipelines.progress import Report, silent
from pipelines.settings import PROJECT, QUIET, settings
from pipelines.warehouse import facts, lock, size
from pipelines.warehouse.plan import Plan

log = logging.getLogger(__name__)

# Without the collector dbt's start costs 1.5 CPU seconds less; the process ends before its garbage matters.
DBT = "import gc; gc.disable(); from dbt.cli.main import cli; cli()"
DBT_PROJECT = PROJECT / "dbt_project"
LAYERS = {
    "staging": "staging",
    "intermediate": "intermediate",
    "core": "marts.core",
    "features": "marts.features",
    "labels": "marts.labels",
}
# Of a million subscribers one query after the other took 126 CPU seconds and 82 s, two at once 154 and 99 s; of 10,000
# 9.6 s and 7.8 s.
ONE_AT_A_TIME = 100_000
# What dbt, Python and DuckDB may ask for: dbt looks through all of its environment for each of 4,000 lines of its log.
_ASKED_FOR = ("DBT_", "TELCO_", "PYTHON", "LC_", "LD_")
_ASKED_FOR_BY_NAME = ("HOME", "LANG", "PATH", "TMPDIR", "TZ")
_TAIL_LINES = 15


def build(
    plan: Plan, *, layer: str | None = None, unit_tests: bool = False, report: Report = silent
) -> dict[str, Any]:
    """Run `dbt build` for a plan; returns dbt's run results. Unit tests run only when asked: they test the code.

    Raises Held naming the data tests that failed, TelcoError naming the models that broke and the log to read.
    """
    if layer is not None and layer not in LAYERS:
        raise UsageError(f"no layer {layer!r} in the warehouse; there are {', '.join(LAYERS)}")
    from pipelines.landing import ensure_schemas

    ensure_schemas()
    facts.write(plan)
    words = ["build"]
    if layer:
        words += ["--select", f"telco.{LAYERS[layer]}"]
    if not unit_tests:
        words += ["--exclude-resource-type", "unit_test"]
    started = time.monotonic()
    report(f"dbt: building {layer or 'all layers'} for {len(plan.as_ofs)} as_ofs")
    results = run(words)
    counts = f"{len(results['results'])} models and tests"
    report(f"dbt: {counts} passed in {time.monotonic() - started:.0f} s")
    log.info("built as_ofs=%d newest=%s layer=%s results=%s", len(plan.as_ofs), plan.as_ofs[-1], layer or "all", counts)
    return results


def run(words: Sequence[str]) -> dict[str, Any]:
    """One dbt command on this home's warehouse. Everything it writes goes below TELCO_HOME."""
    target, logs = settings().warehouse / "dbt", settings().logs / "dbt"
    for folder in (target, logs, settings().warehouse / "spill"):
        folder.mkdir(parents=True, exist_ok=True)
    results_file = target / "run_results.json"
    results_file.unlink(missing_ok=True)
    # Our own interpreter and arguments made from dates and layer names: nothing of a file or a user is in them.
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", DBT, "--quiet", *words],
        cwd=DBT_PROJECT, env=_environment(target, logs), capture_output=True, text=True, check=False,
        pass_fds=lock.descriptors(),
    )
    results: dict[str, Any] = json.loads(results_file.read_text()) if results_file.exists() else {"results": []}
    cost.add(queries=len(results["results"]))
    if done.returncode != 0:
        raise _failure(results, done.stdout + done.stderr, logs / "dbt.log")
    return results


def _environment(target: Path, logs: Path) -> dict[str, str]:
    home = str(settings().home)
    if set(home) & set("'\"{}()"):
        raise UsageError(f"TELCO_HOME {home}: a path with quotes, braces or brackets cannot be a warehouse's home")
    return {
        **{name: value for name, value in os.environ.items()
           if name.startswith(_ASKED_FOR) or name in _ASKED_FOR_BY_NAME},
        **QUIET,
        "TELCO_HOME": home,
        "TELCO_MEMORY_LIMIT": settings().memory_limit,
        "TELCO_THREADS": str(settings().threads),
        "TELCO_DBT_THREADS": "1" if size.subscribers() > ONE_AT_A_TIME else "2",
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(logs),
        # dbt's debug log is half a megabyte a night; what failed is in run_results.json.
        "DBT_LOG_LEVEL_FILE": "info",
        "DBT_USE_COLORS": "false",
    }


def _failure(results: dict[str, Any], output: str, log_file: Path) -> TelcoError:
    broken, failed = [], []
    for result in results["results"]:
        kind, _, name = result["unique_id"].split(".", 2)
        sentence = f"{kind} {name}: {' '.join((result['message'] or '').split())}"
        if result["status"] == "error":
            broken.append(sentence)
        elif result["status"] == "fail":
            failed.append(f"{sentence} ({result['failures']} rows)")
    if broken:
        lines = "\n".join(f"  - {sentence}" for sentence in broken)
        return TelcoError(
            f"dbt: {len(broken)} models or tests broke; nothing was published\n{lines}\n  log: {log_file}"
        )
    if failed:
        return Held("warehouse", failed, f"the rows: dbt show on the compiled test; the log: {log_file}")
    tail = "\n".join(output.strip().splitlines()[-_TAIL_LINES:])
    return TelcoError(f"dbt ended before it built anything:\n{tail}\n  log: {log_file}")
