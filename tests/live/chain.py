"""The nightly chain of a running Airflow: what its runs of a date have come to, what is cleared, what is killed."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psutil
import small_world
from compose import Compose

from pipelines.clock import utc_now
from pipelines.settings import settings
from pipelines.stack import NIGHTLY, Airflow

PATIENCE = 900.0
# Titles of a task's process and of the executor's around it, before the id of the task instance.
TASK, WORKER = "airflow worker -- ", "airflow worker -- LocalExecutor: "


def tell(line: str) -> None:
    print(f"{utc_now():%H:%M:%S} {line}", flush=True)


@dataclass
class Live:
    compose: Compose
    airflow: Airflow
    world: small_world.SmallWorld
    wanted: dict[str, str] = field(default_factory=dict)  # what the undisturbed copy of the home published
    failed: list[str] = field(default_factory=list)       # runs that failed visibly and were cleared

    @property
    def hole(self) -> list[date]:
        return self.world.nights[:-1]

    @property
    def tonight(self) -> date:
        return self.world.nights[-1]

    def of(self, dag_id: str, as_of: date) -> list[dict[str, Any]]:
        """The runs of a DAG for a date, newest first."""
        return [run for run in self.airflow.runs(dag_id) if run["partition_key"] == as_of.isoformat()]

    def task(self, dag_id: str, as_of: date) -> dict[str, Any]:
        """The first task of the newest run of a DAG for a date; empty before there is one."""
        found = self.of(dag_id, as_of)
        tasks = self.airflow.tasks(dag_id, found[0]["dag_run_id"]) if found else {}
        return next(iter(tasks.values()), {})

    def done(self, dag_id: str) -> set[date]:
        return {as_of for as_of in self.world.nights for run in self.of(dag_id, as_of)[:1] if run["state"] == "success"}

    def clear(self, dag_id: str, run_id: str, *, failed: bool, tasks: list[str] | None = None) -> None:
        self.airflow.call("POST", f"/dags/{dag_id}/clearTaskInstances", json={
            "dag_run_id": run_id, "dry_run": False, "only_failed": failed, "include_downstream": failed,
            **({"task_ids": tasks} if tasks else {})})

    def wait_nights(self, after: set[str], days: list[date], timeout: float = PATIENCE) -> None:
        """Until every DAG of the chain is done for every day, runs in `after` not counted. What fails is cleared."""
        wanted = {(dag_id, as_of) for dag_id in NIGHTLY for as_of in days}

        def ready() -> bool:
            for dag_id, as_of in sorted(wanted):
                for run in self.of(dag_id, as_of)[:1]:
                    if run["state"] == "failed":
                        self.failed.append(self.airflow.why_failed(dag_id, run["dag_run_id"]))
                        tell(f"failed visibly, cleared: {self.failed[-1]}")
                        self.clear(dag_id, run["dag_run_id"], failed=True)
                    elif run["state"] == "success" and run["dag_run_id"] not in after:
                        wanted.discard((dag_id, as_of))
                        tell(f"{as_of} {dag_id}")
            return not wanted

        self.airflow.wait(f"nights of {days[0]} to {days[-1]}", ready, timeout)

    def old_runs(self) -> set[str]:
        return {run["dag_run_id"] for dag_id in NIGHTLY for run in self.airflow.runs(dag_id)}

    def wait_quiet(self) -> None:
        """Until nothing of the chain runs or waits."""
        def quiet() -> bool:
            return not [1 for dag_id in (*NIGHTLY, "promote") for run in self.airflow.runs(dag_id)
                        if run["state"] in ("queued", "running")]

        self.airflow.wait("the chain to come to rest", quiet, PATIENCE)

    def differing(self) -> set[str]:
        """Everything published whose bytes are not those of the undisturbed copy."""
        now = small_world.published(settings().home)
        assert len(now) > 100
        return {name for name in now | self.wanted if now.get(name) != self.wanted.get(name)}


def said(live: Live, dag_id: str, run_id: str, words: str) -> bool:
    """Whether a line of the newest try of a run's first task has these words."""
    task = next(iter(live.airflow.tasks(dag_id, run_id).values()))
    return any(words in line for line in live.airflow.task_log(dag_id, run_id, task))


def kill_task(live: Live, dag_id: str, title: str, *, works: bool = False) -> str:
    """kill -9 the process of that title of the first task of a DAG that runs; returns the task instance's path.

    `works`: only when it has started a process of its own, which is left alive.
    """
    found: list[tuple[str, psutil.Process]] = []

    def runs() -> bool:
        for as_of in live.hole:
            task = live.task(dag_id, as_of)
            if task.get("state") == "running":
                found.extend((f"/dags/{dag_id}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}", process)
                             for process in psutil.process_iter(["cmdline"])
                             if is_of(" ".join(process.info["cmdline"] or []), task["id"])
                             and (process.children() or not works))
        return bool(found)

    def is_of(command: str, task_id: str) -> bool:
        return command.strip() == f"{title}{task_id}"

    live.airflow.wait(f"a {dag_id} at work", runs, PATIENCE)
    path, process = found[0]
    tell(f"kill -9 {process.pid} of {path}")
    os.kill(process.pid, signal.SIGKILL)
    return path
