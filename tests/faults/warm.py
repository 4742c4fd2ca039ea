"""A process with the libraries of the door loaded, which lands in forked children: killed, limited or measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PROGRAM = """
import json, os, resource, sys, time
from datetime import date
from pipelines import landing
from pipelines.errors import TelcoError
from pipelines.landing import batch, reading
from pipelines.settings import settings

def land(home, as_of, part_rows):
    os.environ["TELCO_HOME"] = home
    settings.cache_clear()
    if part_rows:
        batch.PART_ROWS = reading.PART_ROWS = part_rows
    started = time.monotonic()
    try:
        landed = [[one.state, one.rows, one.quarantined] for one in landing.land(date.fromisoformat(as_of))]
        said = {"landed": landed, "error": ""}
    except TelcoError as error:
        said = {"landed": [], "error": f"{type(error).__name__}: {error}"}
    return {**said, "seconds": time.monotonic() - started}

land(*json.loads(sys.stdin.readline()))
while line := sys.stdin.readline():
    *words, is_killed = json.loads(line)
    read, write = os.pipe()
    base = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
    pid = os.fork()
    if not pid:
        said = land(*words)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        os.write(write, json.dumps({**said, "peak": peak, "base": base}).encode())
        os._exit(0)
    os.close(write)
    if is_killed:  # by its parent alone: a process that nobody has waited for keeps its number
        print("started", flush=True)
        sys.stdin.readline()
        os.kill(pid, 9)
    said = b"".join(iter(lambda: os.read(read, 65536), b""))
    os.close(read)
    print("null" if os.WIFSIGNALED(os.waitpid(pid, 0)[1]) else said.decode() or "null", flush=True)
"""


@dataclass(frozen=True)
class Done:
    """What one landing came to. `grown_mb`: peak resident memory beyond what the libraries take."""

    landed: list[tuple[str, int, int]]
    error: str
    seconds: float
    peak_mb: float
    grown_mb: float


class Warm:
    """`scratch`: a home with one drop of as_of, landed once so that everything is imported."""

    def __init__(self, scratch: Path, as_of: date) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TELCO_HOME": str(scratch)},
        )
        self._say(str(scratch), as_of.isoformat(), None)

    def land(self, home: Path, as_of: date, part_rows: int | None = None) -> Done:
        """Land in a child and wait for it. `part_rows`: rows of a part, where small drops are to be streamed."""
        self._say(str(home), as_of.isoformat(), part_rows, False)
        said = json.loads(self._answer())
        assert said is not None, "the landing process died"
        return Done([tuple(one) for one in said["landed"]], said["error"], said["seconds"], said["peak"] / 2**20,
                    (said["peak"] - said["base"]) / 2**20)

    def kill(
        self, home: Path, as_of: date, after_s: float, look: Callable[[], None], part_rows: int | None = None
    ) -> bool:
        """Land in a child, call `look` all the while, and kill it after `after_s`; whether it had not ended before."""
        self._say(str(home), as_of.isoformat(), part_rows, True)
        self._answer()
        at = time.monotonic() + after_s
        try:
            while time.monotonic() < at:
                look()
        finally:
            self._say()
            was_running = json.loads(self._answer()) is None
        return was_running

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _say(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the landing process is gone"
        return line
