"""What every run of a step costs, one line each in logs/costs/YYYY-MM.jsonl of the home. Never fails a step.

A step is what `counted` decorates; a step within a step is taken off the outer one, so that sums count nothing twice.
`process` adds what a process costs beside its steps: its start, imports, what lies between.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from pipelines.clock import utc_now
from pipelines.cost import meter
from pipelines.cost.meter import Reading, Spent

__all__ = ["DONE", "PROCESS", "add", "counted", "folder", "process", "subscribers", "under_way"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
PROCESS = "process"
DONE = "done"
_FACTS = ("model", "source")


@dataclass
class _Open:
    """A step that has begun. `inner`: what the steps within it have spent."""

    step: str
    facts: dict[str, Any]
    began: Reading
    started: str
    outer: _Open | None
    counts: Counter[str] = field(default_factory=Counter)
    inner: Spent = field(default_factory=Spent)
    steps: list[tuple[str, ...]] = field(default_factory=list)
    days: set[str | None] = field(default_factory=set)


_open: list[_Open | None] = []  # innermost last; of the process and not of a thread, so that a step's threads count
_last: dict[int, Reading] = {}  # by process: where what it used was told last


def counted(step: str, told: Callable[[Any], Mapping[str, int]] | None = None) -> Callable[
    [Callable[P, R]], Callable[P, R]
]:
    """Record every call of a step function, also one that raises.

    Its arguments `as_of` (or the days `as_ofs`), `model` and `source` are told; `told` makes counts of its answer:
    rows_in, rows_out.
    """
    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with _recorded(step, lambda: _facts(signature.bind(*args, **kwargs).arguments)):
                answer = function(*args, **kwargs)
                if told is not None:
                    with _harmless():
                        add(**told(answer))
                return answer

        return run

    return decorate


@contextmanager
def process() -> Iterator[None]:
    """What this process spends beside its steps, from its start or from the last `process` in it; nothing without
    a step. Airflow's task processes and the command line are one each."""
    with _recorded(PROCESS, dict, lambda: _last.get(os.getpid()) or meter.start_of_process()):
        yield


def add(**counts: int) -> None:
    """Counts of the step under way: rows_in, rows_out, queries. Outside a step: nothing."""
    step = _innermost()
    if step is not None:
        step.counts.update(counts)


def under_way() -> str:
    """The name of the step under way; empty outside one."""
    step = _innermost()
    return step.step if step is not None else ""


def _innermost() -> _Open | None:
    return _open[-1] if _open else None


def folder() -> Path:
    """Where this home's costs are: a file a month, which retention takes like any log."""
    from pipelines.settings import settings

    return settings().logs / "costs"


@contextmanager
def _recorded(
    step: str, facts: Callable[[], dict[str, Any]], began: Callable[[], Reading] = meter.read
) -> Iterator[None]:
    opened, ended = None, DONE
    with _harmless():
        opened = _Open(step, facts(), began(), utc_now().isoformat(timespec="seconds"), _innermost())
    _open.append(opened)
    try:
        yield
    except BaseException as error:
        ended = type(error).__name__ if not isinstance(error, SystemExit) or error.code else DONE
        raise
    finally:
        _open.pop()
        with _harmless():
            if opened is not None:
                _close(opened, ended)


@contextmanager
def _harmless() -> Iterator[None]:
    """A figure that cannot be had is a line in the log, never the end of a night."""
    try:
        yield
    except Exception:
        log.warning("what a step cost was not recorded", exc_info=True)


def _facts(arguments: Mapping[str, Any]) -> dict[str, Any]:
    days = list(arguments.get("as_ofs") or [])
    as_of = arguments.get("as_of") or (days[0] if len(days) == 1 else None)
    return {name: arguments[name] for name in _FACTS if arguments.get(name)} | {
        "as_of": as_of.isoformat() if isinstance(as_of, date) else None,
        **({"as_ofs": len(days)} if len(days) > 1 else {}),
    }


def _close(done: _Open, ended: str) -> None:
    now = meter.read()
    whole = now.spent - done.began.spent
    if done.step == PROCESS:
        _last.clear()
        _last[os.getpid()] = now
        if not done.steps:
            return
        done.facts = {"as_of": done.days.pop() if len(done.days) == 1 else None,
                      "steps": [" ".join(one) for one in done.steps]}
    outer = done.outer
    if outer is not None:
        outer.inner += whole
        outer.steps.append((done.step, *(str(done.facts[name]) for name in _FACTS if name in done.facts)))
        outer.days.add(done.facts.get("as_of"))
    if ended == "UsageError":  # nothing was begun: a mistyped word leaves no file behind
        return
    own, (peak, is_bound) = whole - done.inner, now.peak_mb(done.began)
    _append({
        "step": done.step, **done.facts, "started": done.started, "ended": ended, "pid": os.getpid(),
        "within": outer.step if outer is not None and outer.step != PROCESS else None,
        "wall_s": round(own.wall_s, 3), "cpu_s": round(own.cpu_s, 3), "peak_mb": round(peak, 1),
        "peak_is_bound": is_bound, "read_bytes": own.read_bytes, "written_bytes": own.written_bytes,
        "modules": len(sys.modules), **done.counts, "subscribers": subscribers(done.facts.get("as_of")),
    })


def subscribers(as_of: str | None) -> int | None:
    """Open subscriptions of a night, by the journal of its roster; None before it is published."""
    from pipelines.settings import settings

    journal = settings().features / "roster" / "manifest.jsonl"
    if as_of is None or not journal.exists():
        return None
    whole = journal.read_bytes()  # searched, not parsed: it has two lines for every night there ever was
    at = whole.rfind(f'"as_of": "{as_of}"'.encode())
    return int(json.loads(whole[whole.rfind(b"\n", 0, at) + 1:].split(b"\n", 1)[0])["rows"]) if at >= 0 else None


def _append(line: Mapping[str, Any]) -> None:
    """One write at the end of the file, which the system does not mix with another's. Nobody waits for the disk."""
    from pipelines.settings import settings

    if not settings().home.is_dir():
        return
    folder().mkdir(parents=True, exist_ok=True)
    handle = os.open(folder() / f"{line['started'][:7]}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)
