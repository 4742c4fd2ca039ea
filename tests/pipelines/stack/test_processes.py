"""Parts as processes: started apart from us, stopped with everything they started."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines import stack
from pipelines.errors import TelcoError
from pipelines.stack import processes

# A part that ignores the polite signal and has a child in a session of its own, like Airflow's task processes.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def until_logged(name: str) -> str:
    for _ in range(100):
        if text := processes.log_file(name).read_text().strip():
            return text
        time.sleep(0.1)
    raise AssertionError(f"{name} wrote nothing")


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_part_that_ignores_the_polite_signal_is_killed_with_its_children(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    part = processes.start("scheduler", [sys.executable, "-c", STUBBORN], {})
    child = int(until_logged("scheduler"))
    assert processes.alive() == [part]
    assert processes.stop([part]) == [part]
    assert gone(part.pid)
    assert gone(child)
    assert processes.recorded() == []


def test_a_pid_that_now_belongs_to_someone_else_is_left_alone(home: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        stale = processes.Part("scheduler", bystander.pid, born=1.0)
        processes.pid_file("scheduler").parent.mkdir(parents=True)
        processes.pid_file("scheduler").write_text(json.dumps({"name": "scheduler", "pid": stale.pid, "born": 1.0}))
        assert processes.alive() == []
        assert stack.down() == 0
        assert bystander.poll() is None
        assert processes.recorded() == []
    finally:
        bystander.kill()
        bystander.wait()


def test_down_is_safe_in_a_home_where_nothing_ran_and_says_so(home: Path) -> None:
    told: list[str] = []
    assert stack.down(report=told.append) == 0
    assert stack.down() == 0
    assert told == ["Airflow was not running"]


def test_a_command_that_fails_names_its_log_and_the_end_of_it(home: Path) -> None:
    with pytest.raises(TelcoError, match=r"ended 3\. Read .*migrate\.log:\nno such table"):
        processes.run("migrate", [sys.executable, "-c", "print('no such table'); raise SystemExit(3)"], {})


def test_a_part_is_still_ours_after_the_clock_was_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = processes.start("triggerer", [sys.executable, "-c", "import time; time.sleep(60)"], {})
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + 7.0)
    assert processes.alive() == [part]
    assert processes.stop([part]) == [part]
    assert gone(part.pid)
