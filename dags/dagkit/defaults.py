"""How a task of ours gets its date and how it ends: done, skipped, waiting, held or failed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException

from pipelines.clock import DAY, midnight, parse_day, utc_now
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
def outcomes(dag_run: Any, *, patience: timedelta = timedelta(0), deadline: datetime | None = None) -> Iterator[None]:
    """Turn our errors into Airflow's states.

    NoChampion skips. MissingHistory frees the worker and comes back until `patience` has passed since the run
    started, or until `deadline`, whichever is later; then it fails with the dates it lacked. Any other Held, and a
    UsageError, fail without retry. Everything else is a fault and is retried.
    """
    try:
        yield
    except NoChampion as reason:
        raise AirflowSkipException(str(reason)) from None
    except MissingHistory as missing:
        wait(missing, dag_run, patience, deadline)
    except (Held, UsageError) as reason:
        log.error("%s", reason)
        raise AirflowFailException(str(reason)) from reason


def wait(missing: MissingHistory, dag_run: Any, patience: timedelta, deadline: datetime | None) -> None:
    """Reschedule while there is time left, further and further apart; otherwise hold, naming what is missing."""
    now = utc_now()
    started = getattr(dag_run, "start_date", None) or now
    until = max(started + patience, deadline or started)
    if now >= until:
        log.error("%s", missing)
        raise AirflowFailException(f"{missing}\n  waited until {until:%F %H:%M} UTC") from missing
    poke = min(max(POKE, (now - started) / 4), LONGEST_POKE)
    log.info("waiting until %s, next look in %s: %s", until.isoformat(timespec="minutes"), poke, missing)
    raise AirflowRescheduleException(now + poke)


def landing_deadline(day: date, feeds: list[str]) -> datetime:
    """The latest deadline of these feeds on the day their drops are due (UTC), which is the as_of itself."""
    clocks = [estate().feeds[feed].deadline for feed in feeds if feed in estate().feeds] or ["00:00"]
    hour, minute = max(clocks).split(":")
    return midnight(day) + timedelta(hours=int(hour), minutes=int(minute))
