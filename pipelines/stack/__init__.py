"""The real Airflow of one home: its four parts as plain processes on loopback, started, watched and stopped by pid."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from pipelines.errors import TelcoError
from pipelines.progress import Report, silent
from pipelines.publish import write_json
from pipelines.settings import settings
from pipelines.stack import processes
from pipelines.stack.environment import HOST, USER, Ports, airflow_env, free_ports, load_secrets, passwords_file
from pipelines.stack.rest import Airflow, RunFailed

__all__ = ["NIGHTLY", "POOLS", "Airflow", "RunFailed", "Stack", "Up", "dag_ids", "down", "up"]

AIRFLOW = [sys.executable, "-m", "airflow"]
# The scheduler loads libraries first and waits for the api-server itself, so all parts can be started at once.
PARTS = {
    "api-server": [*AIRFLOW, "api-server"],
    "dag-processor": [*AIRFLOW, "dag-processor"],
    "triggerer": [*AIRFLOW, "triggerer"],
    "scheduler": [sys.executable, "-m", "pipelines.stack.warm", "scheduler"],
}
POOLS = {"warehouse": 1, "training": 1}
START_SECONDS = 240.0  # a quiet machine takes 20, a busy one has taken 100

# In the order of the flow; `retrain_<model>` comes on top for every spec.
NIGHTLY = ("land_sources", "unify", "materialize_features", "score", "monitor")


@dataclass(frozen=True)
class Up:
    """A running stack: where its UI is, and who may sign in. The password is in `passwords_file` only."""

    url: str
    user: str
    passwords_file: Path
    started: bool

    def client(self) -> Airflow:
        return Airflow(self.url, self.user, load_secrets().password)


def up(*, unpause: bool = True, report: Report = silent) -> Up:
    """Start the stack of this home unless it runs already; returns when the DAGs are parsed.

    With `unpause` the DAGs start working. Raises TelcoError naming the log of the part that did not come up; then
    nothing is left running.
    """
    first = not (settings().secrets / "airflow.json").exists()
    running = _running()
    if running is None:
        down()  # a half stack, or stale pid files
        try:
            running = _start(report)
        except BaseException:
            down()
            raise
    client = running.client()
    try:
        _wait_parsed(client)
        if unpause:
            for dag_id, paused in client.dags().items():
                if paused:
                    client.pause(dag_id, paused=False)
    finally:
        client.close()
    report(f"Airflow: {running.url} as {USER}")
    if first:
        report(f"password, shown once: {load_secrets().password}")
    report(f"the password is kept in {running.passwords_file}")
    return running


def down(*, report: Report = silent) -> int:
    """Stop every part of this home; returns how many ran. Safe to repeat."""
    stopped = processes.stop(processes.recorded())
    for part in stopped:
        report(f"stopped {part.name} (pid {part.pid})")
    _ports_file().unlink(missing_ok=True)
    if not stopped:
        report("Airflow was not running")
    return len(stopped)


class Stack:
    """`with Stack() as airflow:` a running stack and a client of it; stopped at the end, unless it ran before."""

    def __init__(self, *, unpause: bool = True, keep: bool = False, report: Report = silent) -> None:
        self._unpause, self._keep, self._report = unpause, keep, report

    def __enter__(self) -> Airflow:
        self.up = up(unpause=self._unpause, report=self._report)
        self.airflow = self.up.client()
        return self.airflow

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.airflow.close()
        if self.up.started and not self._keep:
            down(report=self._report)


def _running() -> Up | None:
    if not _ports_file().exists() or {part.name for part in processes.alive()} != set(PARTS):
        return None
    ports = Ports(**json.loads(_ports_file().read_text(encoding="utf-8")))
    up = _up(ports, started=False)
    client = up.client()
    try:
        return up if client.version() else None
    finally:
        client.close()


def _up(ports: Ports, *, started: bool) -> Up:
    return Up(f"http://{HOST}:{ports.api}", USER, passwords_file(), started)


def _start(report: Report) -> Up:
    ports = free_ports()
    env = airflow_env(ports)
    settings().airflow.mkdir(parents=True, exist_ok=True)
    _migrate(env, report)
    write_json(_ports_file(), asdict(ports))
    report(f"starting Airflow on {HOST}:{ports.api}")
    up = _up(ports, started=True)
    client = up.client()
    try:
        for name in ("api-server", "scheduler", "dag-processor"):
            processes.start(name, PARTS[name], env)
        _wait_answering(client)
        for name, slots in POOLS.items():
            client.set_pool(name, slots)
        processes.start("triggerer", PARTS["triggerer"], env)
    finally:
        client.close()
    return up


def _migrate(env: dict[str, str], report: Report) -> None:
    """Make or bring forward the metadata database; a marker says which version did it, for it takes 20 s."""
    from importlib.metadata import version

    marker, now = settings().airflow / "migrated", version("apache-airflow")
    if marker.exists() and marker.read_text(encoding="utf-8") == now:
        return
    report("migrating Airflow's database (once per home)")
    processes.run("migrate", [*AIRFLOW, "db", "migrate"], env)
    marker.write_text(now, encoding="utf-8")


def _wait_answering(client: Airflow) -> None:
    end = time.monotonic() + START_SECONDS
    while client.version() is None:
        dead = {"api-server", "dag-processor", "scheduler"} - {part.name for part in processes.alive()}
        if dead or time.monotonic() > end:
            name = next(iter(dead), "api-server")
            log = processes.log_file(name)
            raise TelcoError(f"Airflow's {name} did not come up. Read {log}:\n{processes.tail(log)}")
        time.sleep(0.5)


def _wait_parsed(client: Airflow) -> None:
    """'Healthy' does not mean that the DAGs are parsed, so ask for each of them."""
    end = time.monotonic() + START_SECONDS
    while missing := set(dag_ids()) - set(client.dags()):
        if errors := client.import_errors():
            raise TelcoError("a DAG file does not import:\n" + "\n".join(errors))
        if time.monotonic() > end:
            log = processes.log_file("dag-processor")
            raise TelcoError(f"not parsed: {sorted(missing)}. Read {log}:\n{processes.tail(log)}")
        time.sleep(1)


def dag_ids() -> list[str]:
    """Every DAG this project has."""
    from pipelines.models import SPECS

    return [*NIGHTLY, "promote", "retrain_tick", *(f"retrain_{model}" for model in SPECS), "bootstrap_history",
            "erase_subscribers"]


def _ports_file() -> Path:
    return settings().airflow / "ports.json"
