"""Somebody else has the warehouse: wait, then say who."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.errors import TelcoError
from pipelines.warehouse.lock import database, held

OPENS_THE_FILE = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
HOLDS_THE_LOCK = (
    "import time\nfrom pipelines.warehouse.lock import held\n"
    "with held():\n    print('open', flush=True)\n    time.sleep(60)"
)


@contextmanager
def another(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("program", [OPENS_THE_FILE, HOLDS_THE_LOCK])
def test_a_warehouse_held_for_too_long_is_an_error_naming_the_process(home: Path, program: str) -> None:
    database().parent.mkdir(parents=True)
    started = time.monotonic()
    with another(program, str(database())) as other, pytest.raises(TelcoError, match=f"held by process {other.pid}"), \
            held(patience_s=0.5):
        pytest.fail("the warehouse was held by two")
    assert time.monotonic() - started < 30


def test_a_warehouse_set_free_in_time_is_taken(home: Path) -> None:
    database().parent.mkdir(parents=True)
    with another(OPENS_THE_FILE.replace("60", "1"), str(database())), held(patience_s=30):
        assert database().exists()


def test_a_file_that_is_no_database_says_what_to_do(home: Path) -> None:
    database().parent.mkdir(parents=True)
    database().write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(TelcoError, match="delete it: it is rebuilt from raw"), held(patience_s=0.1):
        pytest.fail("a damaged file was taken for a warehouse")


def test_what_a_killed_step_left_running_still_has_the_warehouse_until_it_ends(home: Path) -> None:
    database().parent.mkdir(parents=True)
    left = "import subprocess, sys\nfrom pipelines.warehouse import lock\nwith lock.held():\n" \
        "    child = subprocess.Popen(['sleep', '2'], pass_fds=lock.descriptors())\n" \
        "    print('open', flush=True)\n    child.wait()"
    with another(left) as step:
        step.kill()
        step.wait()
        with pytest.raises(TelcoError, match=f"the dbt that process {step.pid}, which is gone, left running"), \
                held(patience_s=0.3):
            pytest.fail("two builds at a time")
        with held(patience_s=30):
            assert database().exists()
