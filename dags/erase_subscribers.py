"""### Makes
By hand: erases from every store everyone the feed `governance.erasure_requests` asks for by `as_of`; sets tombstones,
flags the models trained on them, and proves it in `reports/erasure/`. With `dry_run` it only says what would go. It
takes nobody by name: what is typed into a run stays in Airflow's database (`telco privacy erase` does).

### When it fails
Something of them is still found: the proof says where. Whoever was erased stays so. See
docs/runbooks/erase_subscribers.md.

### Safe to rerun
Yes. A killed erasure is finished first; who is erased already is passed over.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Param, dag, task
from dagkit.defaults import options, outcomes, skip
from dagkit.kinds import PRIVACY

log = logging.getLogger(__name__)


@dag(
    schedule=None,
    params={
        "as_of": Param(type="string", pattern=r"^\d{4}-\d{2}-\d{2}$",
                       description="Requests known by this day are done; the proof is dated so (YYYY-MM-DD)"),
        "dry_run": Param(False, type="boolean", description="Say what would go and change nothing"),
    },
    max_active_runs=1,
    **options(__doc__, PRIVACY, "privacy"),
)
def erase_subscribers() -> None:
    # The pool keeps builds away: the warehouse's database goes, and is made anew by the next one.
    @task(pool="warehouse")
    def erase(dag_run: Any = None, params: Any = None) -> str:
        """Everyone whose request is known by `as_of`, from every store. Returns the folder of the proof."""
        from pipelines.clock import parse_day
        from pipelines.governance import erasure

        with outcomes(dag_run):
            day = parse_day(params["as_of"])
            wanted = erasure.due(day)
            if not wanted:
                skip(f"nobody asked to be erased by {day}, or all who did are")
            proof = erasure.erase(wanted, day, dry_run=params["dry_run"], report=log.info)
            if proof is None:
                skip(f"whoever asked to be erased by {day} is erased already")
            log.info("%s", proof.by_store())
            return "" if proof.dry else str(proof.folder)
        return ""

    erase()


erase_subscribers()
