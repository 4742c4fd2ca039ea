"""What a night does, in counts that no machine changes, by stage: watched while it runs, or asked of its queries after.

Watched are the steps in this process: libraries their code imports, Parquet files they open and rows they read, files
they hash, queries they ask DuckDB and rows these scan. What dbt ran in its own process is asked again of the tables it
left, with DuckDB's profile. Figures the night may have stand in a file; `compared` says which of them grew.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib.util
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipelines import cost
from pipelines.cost import nights
from pipelines.features import store

Counts = dict[str, dict[str, Any]]
OURS = ("pipelines", "expectations")
FIGURES = Path(__file__).with_name("night_counts.json")
ACCEPT = ".venv/bin/pytest tests/whole -k counts --accept-counts"
# Rows and files are those of a seeded house and leave room for a night's chance alone; bytes also for a release of
# the library that packs them, and a model's rows for which of them share a row group, as threads write a table's.
TOLERANCE = {"bytes": 0.05, "model": 0.10, "": 0.02}


class Watch:
    """Counts by stage. Without a step under way nothing is counted."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.libraries: dict[str, set[str]] = defaultdict(set)

    def add(self, **counts: int) -> None:
        if stage := cost.under_way():
            self.counts[stage].update(counts)

    def told(self) -> Counts:
        return {stage: {**counts, "libraries": sorted(self.libraries[stage])} for stage, counts in self.counts.items()}


@contextmanager
def watched() -> Iterator[Watch]:
    """Count what the steps within the block do."""
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as logs:
        store._open_store.cache_clear()  # whose connection would be an older one, which nobody watches
        _watch_imports(watch, patch)
        _watch_files(watch, patch)
        ended = _watch_queries(watch, patch, Path(logs))
        yield watch
        ended()


def _watch_imports(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    """An import statement that runs is seen whether its module is loaded or not; what a module of ours imports as it
    loads is read in its source. Together: what a new process would load for this stage by our own words."""
    real = builtins.__import__

    def spy(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        stage, importer = cost.under_way(), (globals or {}).get("__name__") or ""
        if stage and level == 0 and importer.partition(".")[0] in OURS:
            for wanted in (name, *(f"{name}.{part}" for part in fromlist or ())):
                watch.libraries[stage] |= loads(wanted)
        return real(name, globals, locals, fromlist, level)

    patch.setattr(builtins, "__import__", spy)


@cache
def loads(module: str) -> frozenset[str]:
    """Libraries that loading a module loads, by our sources alone; of a library itself: its name."""
    found, seen, waiting = set[str](), set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name.partition(".")[0] not in OURS:
            found.add(name.partition(".")[0])
            continue
        if parent := name.rpartition(".")[0]:
            waiting.append(parent)
        source = _source(name)
        waiting += _imported(source) if source else []
    return frozenset(found - sys.stdlib_module_names)


def _source(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name within a module
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imported(source: Path) -> list[str]:
    """What a module imports as it loads: not within functions, not for a type checker."""
    found: list[str] = []
    for node in _loading(ast.parse(source.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def _loading(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, (ast.Try, ast.With)) or (
                isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test)):
            yield from _loading(node.body)
        yield node


def _watch_files(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    read_table, opened, digest = pq.read_table, pq.ParquetFile.__init__, hashlib.file_digest

    def read(*args: Any, **kwargs: Any) -> Any:
        table = read_table(*args, **kwargs)
        watch.add(files_read=1, rows_read=table.num_rows)
        return table

    def open_(self: Any, *args: Any, **kwargs: Any) -> None:
        watch.add(files_read=1)
        opened(self, *args, **kwargs)

    def hash_(*args: Any, **kwargs: Any) -> Any:
        watch.add(files_hashed=1)
        return digest(*args, **kwargs)

    patch.setattr(pq, "read_table", read)
    patch.setattr(pq.ParquetFile, "__init__", open_)
    patch.setattr(hashlib, "file_digest", hash_)


def _watch_queries(watch: Watch, patch: pytest.MonkeyPatch, logs: Path) -> Callable[[], None]:
    """DuckDB's own log and profile, of every connection that a step opens; read when the block has ended. What another
    step asks of the same connection (Feast keeps one) counts where it was opened."""
    real, opened = duckdb.connect, list[tuple[str, Path, Any]]()

    def connect(*args: Any, **kwargs: Any) -> Any:
        connection = real(*args, **kwargs)
        if stage := cost.under_way():
            folder = logs / str(len(opened))
            opened.append((stage, folder, connection))
            connection.execute("set profiling_coverage = 'ALL'")
            connection.execute("pragma enable_profiling = 'no_output'")
            connection.execute(
                f"call enable_logging(['QueryLog', 'Metrics'], storage = 'file', storage_path = '{folder}')")
        return connection

    def read() -> None:
        for stage, folder, connection in opened:
            with suppress(duckdb.ConnectionException):  # closed already
                connection.execute("call disable_logging()")
            if not list(folder.glob("*.csv")):  # opened and closed without a query
                continue
            for queries, rows in duckdb.execute(_OF_A_LOG, [f"{folder}/*.csv"]).fetchall():
                watch.counts[stage].update({"queries": queries, "rows_scanned": rows})

    patch.setattr(duckdb, "connect", connect)
    return read


_OF_A_LOG = """
    select count(*) filter (type = 'QueryLog'),
           coalesce(sum(try_cast(regexp_extract(message, 'total_rows_scanned, ''value'': (\\d+)', 1) as bigint))
                    filter (message like '%query.total_rows_scanned%'), 0)
    from read_csv(?, union_by_name = true)
"""


def of_a_night(home: Path, as_of: str, watch: Watch) -> Counts:
    """Everything counted of a night: by stage, of each model dbt built, and of the bytes the home keeps of it."""
    counts = watch.told()
    for run in nights.by_night(nights.runs())[as_of]:
        stage = counts.setdefault(run["step"], {})
        for name in ("rows_in", "rows_out", "queries"):
            if name in run:
                stage[name] = stage.get(name, 0) + run[name]
    # Without reports: how many bytes a page of Evidently has is not ours to say.
    kept = {f"{one.store} bytes": one.bytes for one in nights.costs().kept if one.of_a_night and one.store != "reports"}
    return {**counts, **of_queries(home / "warehouse"), "kept": kept}


def of_queries(warehouse: Path) -> Counts:
    """Rows scanned and files read by each model of the last build, and by all data tests together."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    results = json.loads((warehouse / "dbt" / "run_results.json").read_text(encoding="utf-8"))["results"]
    # One thread: which rows a filter of another thread spares is chance.
    with duckdb.connect(str(warehouse / "warehouse.duckdb"), read_only=True, config={"threads": "1"}) as connection:
        for setting in ("set TimeZone = 'UTC'", "set profiling_coverage = 'ALL'",
                        "pragma enable_profiling = 'no_output'"):
            connection.execute(setting)
        views = {name for (name,) in connection.execute("select view_name from duckdb_views()").fetchall()}
        for one in results:
            kind, _, name = one["unique_id"].split(".", 2)
            if kind in ("model", "test") and one["compiled_code"] and name not in views:
                found[f"model {name}" if kind == "model" else "data tests"].update(
                    scanned(connection, one["compiled_code"]))
    return {name: dict(counts) for name, counts in found.items()}


def scanned(connection: Any, query: str) -> dict[str, int]:
    """What DuckDB's profile says a query reads, wherever it is in the plan."""
    connection.execute(f"create or replace temp table probed as ({query.strip().rstrip(';')}\n)")
    profile = connection.get_profiling_information()
    profile = json.loads(profile) if isinstance(profile, str) else profile
    return {"rows_scanned": profile["query"]["total_rows_scanned"], "files_read": sum(_files(profile["operator"]))}


def _files(operators: list[Any]) -> Iterator[int]:
    for one in operators:
        yield int(one["extra_info"].get("Total Files Read", 0))
        yield from _files(one.get("children", []))


def compared(found: Counts, figures: Counts) -> list[str]:
    """In words, which counts are more than the figures allow: one line each, and nothing when none is."""
    said = [f"{stage}: nothing was counted, so nothing is guarded" for stage in figures if stage not in found]
    for stage, counts in found.items():
        stand = figures.get(stage)
        if stand is None:
            said.append(f"{stage}: is new")
            continue
        more = sorted(set(counts.get("libraries", [])) - set(stand.get("libraries", [])))
        said += [f"{stage}: imports {', '.join(more)}, which it did not"] if more else []
        for name, count in counts.items():
            bound = stand.get(name, 0)
            kind = "bytes" if "bytes" in name else "model" if stage.startswith("model ") else ""
            if name != "libraries" and count > bound * (1 + TOLERANCE[kind]):
                said.append(f"{stage}: {name} grew from {bound:,} to {count:,}")
    return said


def accept(found: Counts) -> None:
    """Make these counts the figures."""
    FIGURES.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def figures() -> Counts:
    stand: Counts = json.loads(FIGURES.read_text(encoding="utf-8"))
    return stand
