"""One writer at a time: our own lock around build and publish, and a bounded wait for whoever has the DuckDB file."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import Busy, TelcoError
from pipelines.settings import settings

# A night's build takes a minute or two; a person's shell may stay open for ever.
PATIENCE_S = 300.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
_taken: list[int] = []


def database() -> Path:
    """The DuckDB file of this home."""
    return settings().warehouse / "warehouse.duckdb"


def descriptors() -> tuple[int, ...]:
    """What a child must inherit to hold the warehouse with us: dbt may outlive a killed step and still build."""
    return tuple(_taken)


@contextmanager
def held(patience_s: float | None = None) -> Iterator[None]:
    """Hold the warehouse for one process: nobody rebuilds between another's build and publish.

    Raises Busy naming the holder's PID when it does not come free in time.
    """
    patience = PATIENCE_S if patience_s is None else patience_s
    path = settings().warehouse / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        for _ in _waits(patience):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                handle.seek(0)
                holder = handle.read().strip()
        else:
            raise Busy(_message(path, holder, patience))
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        _wait_for_file(patience)
        _taken.append(handle.fileno())
        try:
            yield
        finally:
            _taken.remove(handle.fileno())


def _wait_for_file(patience: float) -> None:
    """Until no other process (a person's DuckDB shell) has the database file open."""
    import duckdb

    path = database()
    for _ in _waits(patience):
        try:
            duckdb.connect(str(path)).close()
            return
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise TelcoError(f"{path}: {error}. If the file is damaged delete it: it is rebuilt from raw") from None
            found = re.search(r"PID (\d+)", str(error))
            holder = found.group(1) if found else ""
    raise Busy(_message(path, holder, patience))


def _waits(patience: float) -> Iterator[None]:
    started, wait = time.monotonic(), _FIRST_WAIT_S
    while True:
        yield
        left = patience - (time.monotonic() - started)
        if left <= 0:
            return
        time.sleep(min(wait, left))
        wait = min(2 * wait, _LONGEST_WAIT_S)


def _message(path: Path, holder: str, patience: float) -> str:
    who = f"process {holder}" if holder else "another process (its PID is not known)"
    if holder and not Path(f"/proc/{holder}").exists() and Path("/proc/self").exists():
        who = f"the dbt that process {holder}, which is gone, left running"
    return f"{path}: held by {who} for {patience:.0f} s. Close it, or wait for it to end, then run the step again"
