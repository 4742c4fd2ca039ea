"""Airflow's REST interface, as far as we use it: sign in, unpause, trigger, backfill, and wait for partitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import httpx

from pipelines.clock import midnight
from pipelines.errors import TelcoError
from pipelines.progress import Report, silent

API = "/api/v2"
DONE = {"success", "failed"}
POLL_SECONDS = 1.0
LOCKED_SECONDS = (1.0, 2.0, 4.0, 8.0)


class RunFailed(TelcoError):
    """A run we waited for failed; the message carries its failed tasks with the end of their logs."""


class Airflow:
    """One signed-in client. Every wait has a timeout in seconds and says what it is waiting for."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._credentials = {"username": user, "password": password}
        # trust_env=False: a proxy of the environment must never see loopback traffic.
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def _sign_in(self) -> None:
        answer = self._http.post("/auth/token", json=self._credentials)
        if answer.status_code != 201:
            raise TelcoError(f"{self.url}: sign-in as {self._credentials['username']} refused ({answer.status_code})")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, *, allow: Sequence[int] = (), **more: Any) -> httpx.Response:
        """One request, signed in; a status of 400 or more raises unless it is in `allow`.

        Airflow answers 500 where its database was locked for too long, which on SQLite a busy machine brings about:
        nothing was written then, so it is asked again.
        """
        if "Authorization" not in self._http.headers:
            self._sign_in()
        for pause in (*LOCKED_SECONDS, None):
            answer = self._http.request(method, API + path, **more)
            if answer.status_code == 401:
                self._sign_in()
                answer = self._http.request(method, API + path, **more)
            if pause is None or not _is_locked(method, answer):
                break
            time.sleep(pause)
        if answer.status_code >= 400 and answer.status_code not in allow:
            raise TelcoError(f"{method} {API}{path}: {answer.status_code} {answer.text[:400]}")
        return answer

    def version(self) -> str | None:
        """Airflow's version once the api-server answers, else None."""
        try:
            answer = self._http.get(f"{API}/version", timeout=3)
        except httpx.HTTPError:
            return None
        return str(answer.json()["version"]) if answer.status_code == 200 else None

    def set_pool(self, name: str, slots: int) -> None:
        body = {"slots": slots, "include_deferred": False}
        if self.call("POST", "/pools", json={"name": name, **body}, allow=[409]).status_code == 409:
            self.call("PATCH", f"/pools/{name}", json={"pool": name, **body})

    def dags(self) -> dict[str, bool]:
        """Id of every parsed DAG, and whether it is paused."""
        found = self.call("GET", "/dags", params={"limit": 100}).json()["dags"]
        return {item["dag_id"]: bool(item["is_paused"]) for item in found}

    def import_errors(self) -> list[str]:
        found = self.call("GET", "/importErrors").json()["import_errors"]
        return [f"{item['filename']}: {item['stack_trace']}" for item in found]

    def pause(self, dag_id: str, *, paused: bool) -> None:
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def trigger(self, dag_id: str, *, as_of: date | None = None, conf: dict[str, Any] | None = None) -> str:
        """Start one run, with the partition key of `as_of` if given; returns its run id."""
        body = {"logical_date": None, "conf": conf or {}, "partition_key": as_of.isoformat() if as_of else None}
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", json=body).json()["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}").json()
        return answer

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The newest hundred runs of a DAG, newest first; `partition_key` and `state` tell them apart."""
        found: list[dict[str, Any]] = self.call(
            "GET", f"/dags/{dag_id}/dagRuns", params={"limit": 100, "order_by": "-run_after"}
        ).json()["dag_runs"]
        return found

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        found = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances").json()["task_instances"]
        return {item["task_id"]: item for item in found}

    def task_log(self, dag_id: str, run_id: str, task: dict[str, Any]) -> list[str]:
        """The lines of the newest try of one task, as far as they can be read."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{max(task['try_number'], 1)}"
        answer = self.call("GET", path, params={"full_content": True}, headers={"Accept": "application/json"},
                           allow=[404])
        content = answer.json().get("content", []) if answer.status_code == 200 else []
        lines: list[str] = []
        for item in content if isinstance(content, list) else [content]:
            lines += [item] if isinstance(item, str) else [str(item.get("event", "")), *_causes(item)]
        return lines

    def why_failed(self, dag_id: str, run_id: str) -> str:
        """The failed tasks of a run, each with the reason its log gives."""
        parts = []
        for name, task in self.tasks(dag_id, run_id).items():
            if task["state"] == "failed":
                lines = [line for line in self.task_log(dag_id, run_id, task) if line.strip()]
                parts.append("\n    ".join([f"{dag_id}.{name} failed:", *lines[-12:]]))
        return "\n".join(parts) or f"{dag_id} {run_id} failed without a failed task"

    def wait(self, what: str, ready: Callable[[], bool], timeout: float) -> None:
        """Poll until ready; the error names what did not come."""
        end = time.monotonic() + timeout
        while not ready():
            if time.monotonic() > end:
                raise TelcoError(f"waited {timeout:.0f} s for {what}; it did not come. Look at {self.url}")
            time.sleep(POLL_SECONDS)

    def wait_run(self, dag_id: str, run_id: str, *, timeout: float, report: Report = silent) -> dict[str, Any]:
        """Wait for one run; progress lines name its tasks as they change. A failed run raises RunFailed."""
        seen: dict[str, str] = {}

        def ready() -> bool:
            for name, task in self.tasks(dag_id, run_id).items():
                if task["state"] and seen.get(name) != task["state"]:
                    seen[name] = task["state"]
                    report(f"{dag_id}.{name}: {task['state']}")
            return self.run(dag_id, run_id)["state"] in DONE

        self.wait(f"{dag_id} {run_id}", ready, timeout)
        ended = self.run(dag_id, run_id)
        if ended["state"] == "failed":
            raise RunFailed(self.why_failed(dag_id, run_id))
        return ended

    def backfill(
        self, dag_id: str, first: date, last: date, *, reprocess: str = "none", parallel: int = 3,
        backwards: bool = False,
    ) -> int:
        """Create a backfill of the partitions in [first, last], the last one first if told, and return its id.

        One backfill of a DAG at a time: while an earlier one has no `completed_at` (about 30 s after its last run)
        Airflow answers 409, so we wait for that.
        """
        body = {
            "dag_id": dag_id, "from_date": midnight(first).isoformat(), "to_date": midnight(last).isoformat(),
            "reprocess_behavior": reprocess, "max_active_runs": parallel, "run_backwards": backwards,
        }
        answers: list[httpx.Response] = []

        def accepted() -> bool:
            answers.append(self.call("POST", "/backfills", json=body, allow=[409]))
            return answers[-1].status_code != 409

        self.wait(f"an earlier backfill of {dag_id} to complete", accepted, timeout=180)
        return int(answers[-1].json()["id"])

    def backfill_done(self, backfill_id: int) -> bool:
        return self.call("GET", f"/backfills/{backfill_id}").json()["completed_at"] is not None

    def wait_partitions(
        self, dag_ids: Iterable[str], days: Iterable[date], *, timeout: float,
        after: Iterable[str] = (), report: Report = silent,
    ) -> dict[tuple[str, str], dict[str, Any]]:
        """Wait until every DAG has finished a run for every day; returns them by (dag_id, partition key).

        Runs whose ids are in `after` are old and do not count. A failed run raises RunFailed at once.
        """
        wanted = {(dag_id, day.isoformat()) for day in days for dag_id in dag_ids}
        old, done, seen = set(after), dict[tuple[str, str], dict[str, Any]](), dict[tuple[str, str], str]()

        def ready() -> bool:
            for dag_id in sorted({dag_id for dag_id, _ in wanted - set(done)}):
                for run in self.runs(dag_id):
                    key = (dag_id, run["partition_key"])
                    if key not in wanted or run["dag_run_id"] in old:
                        continue
                    if seen.get(key) != run["state"]:
                        seen[key] = run["state"]
                        report(f"{key[1]} {dag_id}: {run['state']}")
                    if run["state"] == "failed":
                        raise RunFailed(self.why_failed(dag_id, run["dag_run_id"]))
                    if run["state"] == "success":
                        done[key] = run
            return wanted == set(done)

        self.wait(f"{len(wanted)} partition runs of {sorted({dag_id for dag_id, _ in wanted})}", ready, timeout)
        return done


def _is_locked(method: str, answer: httpx.Response) -> bool:
    return answer.status_code == 500 and (method == "GET" or "Database error" in answer.text)


def _causes(item: dict[str, Any]) -> list[str]:
    details = item.get("error_detail") or []
    return [f"{cause.get('exc_type')}: {cause.get('exc_value')}" for cause in details if isinstance(cause, dict)]
