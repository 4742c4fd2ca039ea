"""Airflow's parts as plain processes: each in a session of its own, with a pid file that survives us and reuse."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # comes with Airflow

from pipelines.errors import TelcoError
from pipelines.publish import write_json
from pipelines.settings import PROJECT, settings

GRACE_SECONDS = 8.0


@dataclass(frozen=True)
class Part:
    """A started part. `born` tells it from another process that was given its pid later."""

    name: str
    pid: int
    born: float

    def process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            alive = abs(born(self.pid) - self.born) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if alive else None


def born(pid: int) -> float:
    """When a process started: in clock ticks since boot, or, where there is no /proc, in seconds of the epoch.

    Not psutil's create_time on Linux: it adds the boot time, which moves when the machine's clock is set or a virtual
    machine wakes up. A whole stack was once taken for strangers and left running.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return float(psutil.Process(pid).create_time())
    return float(stat.rsplit(")", 1)[1].split()[19])  # field 22 of proc(5), counted after the name


def start(name: str, command: list[str], env: Mapping[str, str]) -> Part:
    """Start a command detached from our terminal, in a session of its own; its output goes to logs/<name>.log."""
    log = log_file(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603
            command, env={**os.environ, **env}, cwd=PROJECT,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )
    part = Part(name, process.pid, born(process.pid))
    write_json(pid_file(name), asdict(part))
    return part


def run(name: str, command: list[str], env: Mapping[str, str]) -> None:
    """Run a command to its end. A failure names the log."""
    log = log_file(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        done = subprocess.run(  # noqa: S603
            command, env={**os.environ, **env}, cwd=PROJECT,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=False,
        )
    if done.returncode:
        raise TelcoError(f"{' '.join(command)} ended {done.returncode}. Read {log}:\n{tail(log)}")


def recorded() -> list[Part]:
    """The parts this home has pid files for, alive or not."""
    return [Part(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(_folder().glob("*.pid"))]


def alive() -> list[Part]:
    return [part for part in recorded() if part.process() is not None]


def stop(parts: Sequence[Part]) -> list[Part]:
    """Terminate the parts, give them a few seconds together, kill what is left of them and of all they started.

    Returns those that ran. Task processes lead sessions of their own, so each tree is read before the first signal.
    """
    running = [(part, leader) for part in parts if (leader := part.process()) is not None]
    trees = [process for _, leader in running for process in (leader, *_children(leader))]
    for _, leader in running:
        leader.terminate()
    _, left = psutil.wait_procs(trees, timeout=GRACE_SECONDS)
    for part, _ in running:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(part.pid, signal.SIGKILL)  # what a part forked while it was ending
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=GRACE_SECONDS)
    for part in parts:
        pid_file(part.name).unlink(missing_ok=True)
    return [part for part, _ in running]


def _children(leader: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(leader.children(recursive=True))
    return []


def log_file(name: str) -> Path:
    return settings().airflow / "logs" / f"{name}.log"


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def pid_file(name: str) -> Path:
    return _folder() / f"{name}.pid"


def _folder() -> Path:
    return settings().airflow / "pids"
