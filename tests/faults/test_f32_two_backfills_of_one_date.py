"""F32: two backfills reach the same date at once: the partition has one writer at a time, and one of them wins.

That Airflow refuses a second backfill of a DAG is in tests/live/test_airflow_on_postgres.py; who holds the warehouse is
in F37.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq

from pipelines import landing
from pipelines.landing import raw
from pipelines.landing.senders import feed
from pipelines.publish import Dataset
from pipelines.settings import PROJECT

DATES = 20
# Publishes every date with bytes of its own or shared ones, and says what became of each.
WRITER = """
import sys, time
from pathlib import Path
from pipelines.errors import Held
from pipelines.publish import Dataset
root, text, dates, pause = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])

def write(beside):
    beside.write_text(text)
    print("writing", flush=True)
    time.sleep(pause)
    return 1

print("ready", flush=True)
sys.stdin.readline()
for number in range(dates):
    try:
        Dataset(root, ("as_of",)).publish({"as_of": f"2026-03-{number + 1:02d}"}, write)
        print("stands", flush=True)
    except Held as held:
        print("refused", flush=True)
"""


def writer(root: Path, text: str, dates: int = DATES, pause: float = 0.002) -> subprocess.Popen[str]:
    started = subprocess.Popen([sys.executable, "-c", WRITER, str(root), text, str(dates), str(pause)], text=True,
                               cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def go(*writers: subprocess.Popen[str]) -> list[list[str]]:
    """Let them loose at the same time; what each said of its dates."""
    for one in writers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return [[line for line in one.communicate(timeout=60)[0].split() if line != "writing"] for one in writers]


def test_F32_of_two_that_publish_the_same_date_one_wins_and_the_other_is_refused(tmp_path: Path) -> None:
    said = go(writer(tmp_path, "one"), writer(tmp_path, "two"))
    assert [sorted(pair) for pair in zip(*said, strict=True)] == [["refused", "stands"]] * DATES
    dataset = Dataset(tmp_path, ("as_of",))
    assert [entry.version for entry in dataset.publications()] == [1] * DATES
    for entry in dataset.entries().values():
        winner = 0 if said[0][int(entry.key["as_of"][-2:]) - 1] == "stands" else 1
        assert dataset.verify(entry.key).read_text() == ("one", "two")[winner]


def test_F32_two_that_publish_the_same_bytes_leave_one_publication(tmp_path: Path) -> None:
    assert go(writer(tmp_path, "same"), writer(tmp_path, "same")) == [["stands"] * DATES] * 2
    dataset = Dataset(tmp_path, ("as_of",))
    assert len(dataset.publications()) == len(dataset.entries()) == DATES
    assert not list(tmp_path.rglob("*.tmp"))


def test_F32_the_lock_of_a_writer_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    killed, waits = writer(tmp_path, "killed", 1, pause=60), writer(tmp_path, "waits", 1)
    assert killed.stdin is not None
    assert killed.stdout is not None
    killed.stdin.write("go\n")
    killed.stdin.flush()
    assert killed.stdout.readline() == "writing\n"
    assert waits.stdin is not None
    waits.stdin.write("go\n")
    waits.stdin.flush()
    time.sleep(0.5)
    assert not Dataset(tmp_path, ("as_of",)).entries()  # it waits for the one that writes
    os.kill(killed.pid, signal.SIGKILL)
    started = time.monotonic()
    assert waits.communicate(timeout=30)[0].split() == ["writing", "stands"]
    assert time.monotonic() - started < 10
    killed.communicate()
    dataset = Dataset(tmp_path, ("as_of",))
    assert dataset.verify({"as_of": "2026-03-01"}).read_text() == "waits"
    assert not list(tmp_path.rglob("*.tmp"))


def test_F32_one_drop_landed_by_two_at_once_is_one_version(home: Path, drops: ModuleType) -> None:
    usage = "network.usage_daily"
    drops.estate(usage)
    drops.drop(usage, drops.rows(usage, 30))
    other = os.fork()
    if not other:
        ended = 1
        try:
            landing.land(drops.AS_OF)
            ended = 0
        finally:
            os._exit(ended)  # a child must never go on as a second test run
    landing.land(drops.AS_OF)
    assert os.waitpid(other, 0)[1] == 0
    dataset = raw.dataset(feed(usage))
    assert [entry.version for entry in dataset.publications()] == [1]
    assert pq.read_table(dataset.verify({"dt": str(drops.DT)}), partitioning=None).num_rows == 30
