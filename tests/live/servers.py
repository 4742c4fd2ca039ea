"""Servers of the live tests as plain processes on loopback, and how to wait for them."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.stack import processes
from pipelines.stack.processes import Part


def program(name: str) -> str:
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))), None)
    assert found, f"no {name} on this machine: apt-get install postgresql redis-server"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_postgres() -> list[str]:
    """PostgreSQL refuses root."""
    words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return words if os.getuid() == 0 else []


def wait(ready: Callable[[], bool], what: str, patience_s: float = 30) -> None:
    deadline = time.monotonic() + patience_s
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not come up:\n{processes.tail(processes.log_file(what))}"
        time.sleep(0.2)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def postgres(
    folder: Path, port: int, user: str, *, password: str = "", database: str = "postgres", scripts: Sequence[str] = (),
) -> Part:
    """A cluster in `folder`, which the user postgres can reach, listening on loopback; an empty one when it is new.

    With a password nobody enters without it. A new one gets the database and runs the scripts, as its image would.
    """
    data = folder / "postgres"
    is_new = not data.exists()
    if is_new:
        with tempfile.NamedTemporaryFile("w", dir=folder) as file:
            file.write(password or "-")
            file.flush()
            Path(file.name).chmod(0o644)
            subprocess.run([*as_postgres(), program("initdb"), "-D", data, "-U", user, "--no-sync",
                            f"--pwfile={file.name}", "-A", "scram-sha-256" if password else "trust"],
                           check=True, capture_output=True, cwd="/")
    part = processes.start("postgres", [
        *as_postgres(), program("postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-F",
        "-c", "listen_addresses=127.0.0.1"], {})
    wait(lambda: listens(port), "postgres")
    if is_new and (scripts or database != "postgres"):
        make = [f"CREATE DATABASE {database};"] if database != "postgres" else []
        psql = [program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", user]
        for script in [*make, *scripts]:
            subprocess.run([*psql, "postgres"], input=script, text=True, check=True,
                           env={**os.environ, "PGPASSWORD": password})
    return part


def stop_postgres(part: Part) -> None:
    """Its fast shutdown: on SIGTERM it waits for our connections."""
    if part.process() is not None:
        os.kill(part.pid, signal.SIGINT)
    processes.stop([part])


def mlflow(port: int, backend: str, artifacts: Path) -> Part:
    """An MLflow server with its artifacts behind it, ready to answer."""
    part = processes.start("mlflow", [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", backend, "--artifacts-destination", artifacts.as_uri(),
    ], {"MLFLOW_TRACKING_URI": "", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})
    wait(lambda: listens(port), "mlflow", 240)
    return part


def kill(part: Part) -> None:
    """End a server and its workers as a power cut would; they are a session of their own."""
    os.killpg(part.pid, signal.SIGKILL)
    part_process = part.process()
    if part_process is not None:
        part_process.wait(10)
