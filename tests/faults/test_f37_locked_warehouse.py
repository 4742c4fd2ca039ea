"""F37: a person's shell has the DuckDB file: wait ever longer, then say whose process it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines import warehouse
from pipelines.errors import TelcoError
from pipelines.warehouse import lock

SHELL = ("import duckdb, sys, time\n"
         "shell = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'reads')\n"
         "print('open', flush=True)\ntime.sleep(120)")
PROJECT = Path(__file__).parents[2]


@contextmanager
def somebody(how: str) -> Iterator[subprocess.Popen[str]]:
    """A person with the warehouse open in a shell."""
    lock.database().parent.mkdir(parents=True, exist_ok=True)
    duckdb.connect(str(lock.database())).close()
    words = [sys.executable, "-c", SHELL, str(lock.database()), how]
    shell = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert shell.stdout is not None
    try:
        assert shell.stdout.readline() == "open\n"
        yield shell
    finally:
        shell.kill()
        shell.wait()
        shell.stdout.close()


@pytest.mark.parametrize("how", ["writes", "reads"])
def test_F37_a_shell_on_the_file_is_waited_for_with_growing_pauses_and_then_named_by_its_pid(
    home: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    clock, pauses = [1_000.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += seconds

    with somebody(how) as shell:
        monkeypatch.setattr(lock.time, "sleep", sleep)
        monkeypatch.setattr(lock.time, "monotonic", lambda: clock[0])
        with pytest.raises(TelcoError) as waited, lock.held():
            pytest.fail("the warehouse was held by two")
        monkeypatch.undo()
    assert str(lock.database()) in str(waited.value)
    assert f"held by process {shell.pid} for {lock.PATIENCE_S:.0f} s" in str(waited.value)
    assert "Close it" in str(waited.value)
    assert waited.value.exit_code == 1
    growing = pauses[:5]
    assert growing == sorted(set(growing))
    assert max(pauses) == 5.0
    assert sum(pauses) == pytest.approx(lock.PATIENCE_S)


def test_F37_the_command_says_it_without_a_traceback(home: Path) -> None:
    code = ("from pipelines.warehouse import history, lock\nlock.PATIENCE_S = 0.3\n"
            "history.check = lambda plan: None\nfrom pipelines.cli import main\nmain()")
    with somebody("reads") as shell:
        done = subprocess.run([sys.executable, "-c", code, "unify", "--as-of", "2026-03-01"], capture_output=True,
                              text=True, timeout=60, check=False, cwd=PROJECT)
    assert done.returncode == 1, done.stderr
    assert f"held by process {shell.pid}" in done.stderr
    assert "Traceback" not in done.stderr


def test_F37_a_build_waits_too_and_does_not_begin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 0.3)
    monkeypatch.setattr(warehouse.builder, "build", lambda *_, **__: pytest.fail("dbt was started on a locked file"))
    with somebody("writes"), pytest.raises(TelcoError, match="held by process"):
        warehouse.build([date(2026, 3, 1)])


def test_F37_a_shell_that_is_killed_sets_the_file_free(home: Path) -> None:
    with somebody("writes") as shell:
        os.kill(shell.pid, signal.SIGKILL)
        started = time.monotonic()
        with lock.held(patience_s=20):
            assert duckdb.connect(str(lock.database())).execute("select 1").fetchall() == [(1,)]
        assert time.monotonic() - started < 20
