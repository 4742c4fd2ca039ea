"""What a piece of work costs: laps within a process, and a whole process tree seen from outside. Linux only."""

from __future__ import annotations

import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from history import tree_mb

ROOT = Path(__file__).resolve().parents[1]
LOOK_S = 0.2


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds (children included) and the largest resident memory of the tree, MB of 2^20 bytes."""

    wall_s: float
    cpu_s: float
    peak_mb: float = 0.0
    said: str = ""  # stdout of the process

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, max(self.peak_mb, other.peak_mb))


class Laps:
    """Wall and CPU seconds of this process and its threads since the lap before, by name."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, float]] = {}
        # What the imports took before anybody looked is the first lap's: CPU from the start of the process.
        self._wall, self._cpu = time.perf_counter() - _age_s(), 0.0

    def lap(self, name: str) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.found[name] = (round(wall - self._wall, 3), round(cpu - self._cpu, 3))
        self._wall, self._cpu = wall, cpu


def _age_s() -> float:
    """Seconds since this process was started."""
    started = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


class OutOfPatience(Exception):
    """A process took longer than it may."""


def watched(program: Sequence[str], home: Path, label: str = "", patience_s: float = math.inf) -> Cost:
    """Run Python with these arguments for a home and watch its tree.

    Raises SystemExit with its own last words when it fails, OutOfPatience when it was stopped for taking too long.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment: Mapping[str, str] = {
        **os.environ, "TELCO_HOME": str(home), "PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"}
    child = subprocess.Popen([sys.executable, *program], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    peak = 0.0
    while True:
        try:
            said, complained = child.communicate(timeout=LOOK_S)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, tree_mb(child.pid))
            if time.perf_counter() - began > patience_s:
                child.kill()
                child.communicate()
                raise OutOfPatience(label) from None
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode != 0:
        last = "\n".join(complained.strip().splitlines()[-30:])
        raise SystemExit(f"{label or program[-1]}: exit {child.returncode}; the home is {home}\n{last}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, peak, said)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure; peaks are the largest."""
    return Cost(statistics.median(one.wall_s for one in costs), statistics.median(one.cpu_s for one in costs),
                max(one.peak_mb for one in costs))
