"""How a task of ours gets its date and how it ends: done, skipped, waiting, held or failed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException

from pipelines.clock import DAY, parse_day, utc_now
from pipelines.errors import Held, MissingHistory, NoChampion, UsageError
from pipelines.estate import estate

log = logging.getLogger(__name__)

KEY_FORMAT = "%Y-%m-%d"

# Two retries, for faults only: a busy disk or a lost connection. A HOLD is never retried: it would hold again.
DEFAULT_ARGS = {
    "owner": "telco",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "execution_timeout": timedelta(hours=6),
}

# How long a task waits for a missing date before it holds, from the start of its run. Partitions are served in any
# order, so the dates a backfill still lacks are usually on their way.
HISTORY_PATIENCE = timedelta(hours=1)
POKE = timedelta(seconds=10)
LONGEST_POKE = timedelta(minutes=10)


def options(doc: str | None, *tags: str) -> dict[str, Any]:
    """The arguments every DAG shares. `doc` is the module's docstring, shown in the UI."""
    return {
        "doc_md": doc,
        "tags": ["telco", *tags],
        "default_args": dict(DEFAULT_ARGS),
        "start_date": datetime(2015, 1, 1, tzinfo=UTC),
        "catchup": False,
    }


def as_of(dag_run: Any) -> date:
    """The as_of of a run: its partition key, or `as_of` of its conf for `dag.test`, which cannot set a key.

    A run without a valid key fails for good: it would be green, and nothing after it would start.
    """
    key = getattr(dag_run, "partition_key", None) or (getattr(dag_run, "conf", None) or {}).get("as_of")
    if key is None:
        raise AirflowFailException(
            "this run has no partition key, so it has no as_of. Trigger it with a key, for example 2026-03-01 "
            "(field 'Partition Key' in the UI, `partition_key` over REST)"
        )
    try:
        return parse_day(str(key))
    except UsageError as error:
        raise AirflowFailException(f"partition key: {error}") from None


def expect_drops(day: date) -> None:
    """Skip when nothing is expected for the drops of this as_of: before history_start, or from history_end on."""
    facts, dt = estate(), day - DAY
    if not facts.expects(dt):
        until = f" to {facts.history_end - DAY}" if facts.history_end else ""
        raise AirflowSkipException(
            f"nothing is expected from {dt}: the estate {facts.name!r} has drops from {facts.history_start}{until}"
        )


@contextmanager
def outcomes(dag_run: Any, *, patience: timedelta = timedelta(0)) -> Iterator[None]:
    """Turn our errors into Airflow's states.

    NoChampion skips. MissingHistory frees the worker and comes back until `patience` has passed since the run
    started; then it fails with the dates it lacked. Any other Held, and a UsageError, fail without retry. Everything
    else is a fault and is retried.
    """
    try:
        yield
    except NoChampion as reason:
        raise AirflowSkipException(str(reason)) from None
    except MissingHistory as missing:
        wait_until(_started(dag_run) + patience, _started(dag_run), str(missing))
        raise AirflowFailException(str(missing)) from missing
    except (Held, UsageError) as reason:
        log.error("%s", reason)
        raise AirflowFailException(str(reason)) from reason


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
    raise AirflowRescheduleException(min(now + poke, end))


def _started(dag_run: Any) -> datetime:
    started: datetime | None = getattr(dag_run, "start_date", None)
    return started or utc_now()
