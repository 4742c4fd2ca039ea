"""F37: a person has the DuckDB file open: the night waits, longer each time, and then says who it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.errors import Busy
from pipelines.warehouse import lock

SHELL = ("import duckdb, sys, time; c = duckdb.connect(sys.argv[1], read_only=len(sys.argv) > 3); "
         "print('open', flush=True); time.sleep(float(sys.argv[2]))")


@contextmanager
def a_person(database: Path, stays_s: float = 60, *, reads_only: bool = False) -> Iterator[int]:
    """A shell that somebody left open."""
    database.parent.mkdir(parents=True, exist_ok=True)
    call = [sys.executable, "-c", SHELL, str(database), str(stays_s), *(["reads"] if reads_only else [])]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def test_F37_a_step_says_which_file_who_has_it_and_what_to_do(
    home: Path, telco: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 1.0)
    with a_person(lock.database()) as pid:
        started = time.monotonic()
        code, _, said = telco("unify", "--as-of", "2026-03-11")
    assert code == 1
    assert time.monotonic() - started < 20
    assert f"{lock.database()}: held by process {pid} for 1 s. " in said
    assert "Close it, or wait for it to end, then run the step again" in said
    assert "Traceback" not in said


def test_F37_the_waits_grow_and_end_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(lock.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(lock.time, "sleep", sleep)
    tries = sum(1 for _ in lock._waits(30.0))
    assert tries == len(slept) + 1
    assert slept[:5] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])
    assert max(slept) == 5.0
    assert sum(slept) == pytest.approx(30.0)


def test_F37_a_file_given_back_while_we_wait_is_taken(home: Path) -> None:
    with a_person(lock.database(), stays_s=1), lock.held(patience_s=30):
        assert lock.database().exists()


def test_F37_whoever_looks_at_the_warehouse_while_a_step_holds_it_is_not_let_in(home: Path) -> None:
    program = "from pipelines.warehouse.lock import held\nwith held(patience_s=0.3):\n    print('in')"
    with lock.held(patience_s=5):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"held by process {os.getpid()}" in done.stderr


def test_F37_somebody_who_only_reads_is_named_too_and_one_who_is_killed_holds_nothing(home: Path) -> None:
    with lock.held(patience_s=5):
        pass  # makes the file
    with a_person(lock.database(), reads_only=True) as pid:
        with pytest.raises(Busy, match=f"held by process {pid} for 0 s"), lock.held(patience_s=0.3):
            pytest.fail("the warehouse was written while somebody read it")
        os.kill(pid, signal.SIGKILL)
        with lock.held(patience_s=20):
            assert lock.database().exists()
