"""The online store follows the nights forward and is never moved back by a backfill."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import UsageError
from pipelines.features import store
from pipelines.features.frames import verify
from pipelines.progress import Report, silent
from pipelines.publish import write_json
from pipelines.settings import settings

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


def materialize(as_of: date, *, report: Report = silent) -> bool:
    """Bring the online views to as_of. False when all of them stand at a later one: they are left untouched.

    SQLite keeps what was written last, whatever its date, so the guard is ours. The high-water mark moves before the
    write: a night killed half way can be repeated, and cannot be overwritten by an older one.
    """
    store.apply(report=report)
    moved = False
    with store.lock("materialize"):
        for view in store.online_views():
            mark = high_water(view.name)
            if mark is not None and mark > as_of:
                report(f"features: online view {view.name} stands at {mark}; {as_of} is older and was left out")
                continue
            verify(view.dataset, as_of)
            write_json(_mark_file(view.name), {"as_of": as_of.isoformat()})
            store.write_online(view, as_of)
            log.info("materialized view=%s as_of=%s", view.name, as_of)
            moved = True
    return moved


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


def _mark_file(view: str) -> Path:
    return settings().feast / "high_water" / f"{view}.json"
