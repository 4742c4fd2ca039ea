"""The online store follows the nights forward and is never moved back by a backfill."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import cost
from pipelines.errors import UsageError
from pipelines.features import store
from pipelines.features.frames import verify
from pipelines.progress import Report, silent
from pipelines.publish import write_json
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

log = logging.getLogger(__name__)

FACTS, SCORES = "subscriber_online", "subscriber_scores"


@cost.counted("materialize")
def materialize(as_of: date, *, report: Report = silent) -> bool:
    """Bring the online views to as_of. False when all of them stand at a later one: they are left untouched.

    SQLite keeps what was written last, whatever its date, so the guard is ours. The high-water mark moves before the
    write: a night killed half way can be repeated, and cannot be overwritten by an older one.
    """
    store.apply(report=report)
    moved = False
    with store.lock("materialize"):
        for view in store.online_views(pushed=False):
            if _is_past(view.name, as_of, report):
                continue
            verify(view.dataset, as_of)
            _mark(view.name, as_of)
            store.write_online(view, as_of)
            log.info("materialized view=%s as_of=%s", view.name, as_of)
            moved = True
    return moved


def push_scores(as_of: date, table: pa.Table, *, report: Report = silent) -> bool:
    """Push a night's scores (columns of the view `subscriber_scores`). False when a later night's are there already.

    Guarded like `materialize`: a backfill scores its nights and leaves the care desk with the newest. The same night
    again is written again: a rollback gives it another version's scores.
    """
    store.apply(report=report)
    with store.lock("materialize"):
        if _is_past(SCORES, as_of, report):
            return False
        _mark(SCORES, as_of)
        store.push("scores", table, as_of)
    log.info("pushed view=%s as_of=%s rows=%d", SCORES, as_of, len(table))
    return True


def _is_past(view: str, as_of: date, report: Report) -> bool:
    mark = high_water(view)
    if mark is None or mark <= as_of:
        return False
    report(f"features: online view {view} stands at {mark}; {as_of} is older and was left out")
    return True


def high_water(view: str) -> date | None:
    """The newest as_of that was written, or begun, for an online view."""
    path = _mark_file(view)
    return date.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["as_of"]) if path.exists() else None


def lookup(view: str, subscriber_ids: list[str]) -> pd.DataFrame:
    """What the online store holds: subscriber_id, as_of, features; all None for a subscriber it does not know.

    A row whose as_of is older than `high_water(view)` is of someone no longer active: Feast does not expire them.
    """
    known = {one.name: one for one in store.online_views()}
    if view not in known:
        raise UsageError(f"no online view {view!r}; there are {', '.join(known)}")
    return store.read_online(known[view], subscriber_ids)


def _mark(view: str, as_of: date) -> None:
    write_json(_mark_file(view), {"as_of": as_of.isoformat()})


def _mark_file(view: str) -> Path:
    return settings().feast / "high_water" / f"{view}.json"
