"""What this process has used so far, by the kernel's own counts; reading them takes a fraction of a millisecond."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path

_MB_OF_MAXRSS = 2**20 if sys.platform == "darwin" else 2**10  # macOS says bytes, Linux KiB
_IO = Path("/proc/self/io")


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds (threads and ended children included), bytes asked of and given to the system.

    Bytes are `rchar` and `wchar` of /proc/self/io (proc_pid_io(5)): what was read and written by system calls, from
    disk or from the page cache alike, so that a second run counts as the first. 0 where there is no /proc.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    read_bytes: int = 0
    written_bytes: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Spent)))

    def __sub__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(Spent)))


@dataclass(frozen=True)
class Reading:
    """Spent so far, and the high-water marks of resident memory, MB of 2^20 bytes: of this process, and of the
    largest child that has ended."""

    spent: Spent
    own_peak_mb: float = 0.0
    child_peak_mb: float = 0.0

    def peak_mb(self, before: Reading) -> tuple[float, bool]:
        """The larger mark, and whether it stood before already: then it is a bound of what came since, no measure."""
        if self.own_peak_mb >= self.child_peak_mb:
            return self.own_peak_mb, self.own_peak_mb == before.own_peak_mb
        return self.child_peak_mb, self.child_peak_mb == before.child_peak_mb


def read() -> Reading:
    """Now. The clock of `wall_s` has no meaning but in differences."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return Reading(Spent(time.perf_counter(), cpu, *_bytes()),
                   own.ru_maxrss / _MB_OF_MAXRSS, children.ru_maxrss / _MB_OF_MAXRSS)


def start_of_process() -> Reading:
    """What `read` would have said when this process began."""
    return Reading(Spent(time.perf_counter() - _age_s()))


def _age_s() -> float:
    try:
        began = int(Path("/proc/self/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19])
    except OSError:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")


def _bytes() -> tuple[int, int]:
    try:
        told = dict(line.split(": ") for line in _IO.read_text(encoding="ascii").splitlines())
    except OSError:
        return 0, 0
    return int(told["rchar"]), int(told["wchar"])
