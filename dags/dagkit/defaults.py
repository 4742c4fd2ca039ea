"""How a task of ours gets its date and how it ends: done, skipped, waiting, held or failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NoReturn

from airflow.sdk import AsyncCallback, DeadlineAlert  # type: ignore[attr-defined]  # Airflow's stub lacks them
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowRescheduleException,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from telco_deadlines import StartOfNight, overdue

from dagkit.kinds import Kind
from dagkit.retries import POLICY, RETRIES, RETRY_DELAY
from dagkit.words import failed, say
from pipelines.clock import DAY, parse_day, utc_now
from pipelines.cost import process
from pipelines.errors import Held, MissingHistory, NoChampion, TelcoError, UsageError
from pipelines.estate import estate

log = logging.getLogger(__name__)

KEY_FORMAT = "%Y-%m-%d"

# How long a task waits for a missing date before it holds, from the start of its run. Partitions are served in any
# order, so the dates a backfill still lacks are usually on their way.
HISTORY_PATIENCE = timedelta(hours=1)
POKE = timedelta(seconds=10)
LONGEST_POKE = timedelta(minutes=10)


def options(doc: str | None, kind: Kind, *tags: str) -> dict[str, Any]:
    """The arguments every DAG shares. `doc` is the module's docstring, shown in the UI; `kind` is its tasks'."""
    return {
        "doc_md": doc,
        "tags": ["telco", *tags],
        "default_args": task_options(kind),
        "start_date": datetime(2015, 1, 1, tzinfo=UTC),
        "catchup": False,
        "on_failure_callback": failed,
        "deadline": scores_by(estate().scores_by) if kind.by_the_hour else None,
    }


def task_options(kind: Kind) -> dict[str, Any]:
    return {
        "owner": kind.owner,
        "retries": RETRIES,
        "retry_delay": RETRY_DELAY,
        "retry_policy": POLICY,
        "execution_timeout": kind.timeout,
        "priority_weight": kind.priority,
        "weight_rule": "absolute",
    }


def scores_by(hour: str) -> DeadlineAlert:
    """Every step of the chain has the night's one deadline: whichever is under way at that hour is named, once."""
    at = time.fromisoformat(hour)
    after = timedelta(hours=at.hour, minutes=at.minute)
    return DeadlineAlert(reference=StartOfNight(after / timedelta(hours=1)), interval=after,
                         callback=AsyncCallback(overdue), name=f"scores by {hour} UTC")


def as_of(dag_run: Any) -> date:
    """The as_of of a run: its partition key, or `as_of` of its conf for `dag.test`, which cannot set a key.

    A run without a valid key fails for good: it would be green, and nothing after it would start.
    """
    key = getattr(dag_run, "partition_key", None) or (getattr(dag_run, "conf", None) or {}).get("as_of")
    if key is None:
        _fail("this run has no partition key, so it has no as_of. Trigger it with a key, for example 2026-03-01 "
              "(field 'Partition Key' in the UI, `partition_key` over REST)")
    try:
        return parse_day(str(key))
    except UsageError as error:
        _fail(f"partition key: {error}")


def skip(reason: str) -> NoReturn:
    """End the task as skipped, with its reason where people see it."""
    say(reason)
    raise AirflowSkipException(reason)


def _fail(reason: str) -> NoReturn:
    say(reason)
    raise UsageError(reason)


def expect_drops(day: date) -> None:
    """Skip when nothing is expected for the drops of this as_of: before history_start, or from history_end on."""
    facts, dt = estate(), day - DAY
    if not facts.expects(dt):
        until = f" to {facts.history_end - DAY}" if facts.history_end else ""
        skip(f"nothing is expected from {dt}: the estate {facts.name!r} has drops from {facts.history_start}{until}")


@contextmanager
def outcomes(
    dag_run: Any, *, patience: timedelta = timedelta(0), is_told: Callable[[Held], bool] = lambda held: False
) -> Iterator[None]:
    """How a task of ours ends; the reason is kept for the run's note and for the notice of a failed run.

    NoChampion skips. MissingHistory frees the worker and comes back until `patience` has passed since the run
    started; then it fails with the dates it lacked. Any other error goes through: dagkit.retries says by its kind
    whether it is tried again. `is_told` knows of a HOLD that somebody has heard of already.
    """
    try:
        with process():
            yield
    except AirflowException:
        raise
    except NoChampion as reason:
        skip(str(reason))
    except Held as held:
        if isinstance(held, MissingHistory):
            wait_until(_started(dag_run) + patience, _started(dag_run), str(held))
        say(str(held), told=is_told(held))
        raise
    except TelcoError as error:
        say(str(error))
        raise
    except AirflowTaskTimeout:
        say("stopped: it took longer than a task of its kind may")
        raise
    except Exception as fault:
        say(f"{type(fault).__name__}: see the log")  # its words may hold data, and a note goes to more people
        raise


def wait_for_drops(day: date, source: str, dag_run: Any) -> None:
    """Come back until every feed of the source has been delivered, or its deadline (local time of its operator, on the
    day of the as_of) is past. What is late by then is told of once.

    Landing itself does not wait: it holds what is mandatory, and declares absent what is optional, for good.
    """
    from pipelines.landing import deadline

    now = utc_now()
    deadline.tell_late(day, now, source)
    waiting = deadline.waiting(day, now, source)
    if waiting:
        wait_until(max(waiting.values()), _started(dag_run), f"not delivered yet: {', '.join(waiting)}")


def wait_until(end: datetime, started: datetime, what: str) -> None:
    """Free the worker and come back, less and less often; returns when the time is up. Costs no retry."""
    now = utc_now()
    if now >= end:
        log.error("waited until %s: %s", f"{end:%F %H:%M} UTC", what)
        return
    poke = min(max(POKE, (now - started) / 4), LONGEST_POKE)
    log.info("waiting until %s, next look in %s: %s", f"{end:%F %H:%M} UTC", poke, what)
    raise AirflowRescheduleException(min(now + poke, end))  # type: ignore[no-untyped-call]


def _started(dag_run: Any) -> datetime:
    started: datetime | None = getattr(dag_run, "start_date", None)
    return started or utc_now()
