"""### Makes
Every night at midnight UTC: takes the drops of the day before from `landing/`, per source. Each is checked,
tokenised and published to `raw/`; bad rows wait in quarantine. What is past its retention is purged. Then
`raw_day` changes and `unify` starts.

### When it fails
A missing drop is waited for until its feed's deadline (`estate.toml`, the operator's local time). Then a mandatory one
is told of once and holds the night by name; an optional one is declared absent. A rejected file holds at once, and its
reason is in the task's log. See docs/runbooks/land_sources.md.

### Safe to rerun
Yes. A drop that has landed is a duplicate and changes nothing; a changed drop is a correction with a later
knowledge date.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import CronPartitionTimetable, dag, task
from dagkit.assets import RAW_DAY
from dagkit.defaults import KEY_FORMAT, as_of, expect_drops, options, outcomes, wait_for_drops
from dagkit.kinds import LANDING
from dagkit.links import LANDED, linked

from pipelines.estate import estate

log = logging.getLogger(__name__)


def sources() -> list[str]:
    """The sources this estate delivers, in the contract's order."""
    return list(dict.fromkeys(feed.split(".")[0] for feed in estate().delivered()))


# Midnight, not 02:00: with a later cron a backfill whose last day is a midnight loses that day.
@dag(schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", key_format=KEY_FORMAT),
     **options(__doc__, LANDING, "nightly", "landing"))
def land_sources() -> None:
    @task
    def land(source: str, dag_run: Any = None) -> dict[str, str]:
        """One source: wait for its drops, check, tokenise, publish. Returns the state of each feed's drop."""
        from pipelines import landing
        from pipelines.landing import deadline

        day = as_of(dag_run)
        expect_drops(day)
        wait_for_drops(day, source, dag_run)
        with outcomes(dag_run, is_told=lambda held: deadline.is_told(held, day)):
            landed = landing.land(day, source=source, report=log.info)
            return {item.feed: item.state for item in landed}
        return {}

    @task
    def purge(dag_run: Any = None) -> dict[str, int]:
        """What is past its retention at this as_of goes. Returns how many files went."""
        from pipelines import retention

        with outcomes(dag_run):
            return {"files purged": sum(store.files for store in retention.purge(as_of(dag_run)))}
        return {}

    @task(outlets=[RAW_DAY], trigger_rule="none_failed")
    def close(dag_run: Any = None) -> None:
        """The one scheduling outlet: with every source landed, `raw_day` changes and `unify` starts."""
        expect_drops(as_of(dag_run))

    landed = [linked(land.override(task_id=f"land_{source}")(source), LANDED) for source in sources()]
    [*landed, purge()] >> close()


land_sources()
