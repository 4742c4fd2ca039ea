"""The last veto: whose consent is gone by everything that has landed, asked where scores leave the house.

Features and scores of a night are made of what was known at its as_of. A withdrawal that lands later changes neither;
but nobody may be called on the strength of a score they have since forbidden.
"""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from pipelines.governance import audit
from pipelines.governance.landed import landed
from pipelines.governance.purpose import FEED, asks_consent
from pipelines.models import spec_of
from pipelines.models.spec import Purpose
from pipelines.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

# The newest of a line's statements; of two of one moment the later drop speaks, and of two in one drop the withdrawal.
_NOT_GRANTED = """
    with said as (
        select subscription_token, purpose, status, changed_at, source, dt, drop_version
        from read_parquet($paths, hive_partitioning = false)
        where purpose = $purpose
    ),
    asked as (
        select distinct subscription_token
        from read_parquet($later, hive_partitioning = false)
        where purpose = $purpose
    ),
    standing as (
        select said.*
        from said
        inner join versions
            on said.source = versions.source and said.dt = versions.dt and said.drop_version = versions.drop_version
    )
    select asked.subscription_token
    from asked
    left join standing on asked.subscription_token = standing.subscription_token
    group by asked.subscription_token
    having coalesce(arg_max(
        standing.status,
        (standing.changed_at, standing.dt, standing.drop_version, standing.source, standing.status = 'withdrawn')
    ), 'withdrawn') = 'withdrawn'
"""


def withdrawn(purpose: Purpose, as_of: date) -> set[str]:
    """Subscribers that something landed after as_of tells of, and that no longer consent by all that has landed.

    Reads raw/ and nothing else; an estate without a consent feed has nobody to ask.
    """
    if not asks_consent():
        return set()
    import duckdb

    found = landed(FEED)
    later = found.after(as_of)
    if not later:
        return set()
    with duckdb.connect(config=settings().duckdb) as connection:
        connection.register("versions", found.versions)
        asked = {"paths": found.paths, "later": later, "purpose": str(purpose)}
        tokens = connection.execute(_NOT_GRANTED, asked).fetchall()
    return {f"sub_{token}" for (token,) in tokens}


def without_withdrawn(model: str, scores: pa.Table, as_of: date, door: str) -> pa.Table:
    """A model's scores less those of subscribers who have withdrawn since; how many goes into the audit log."""
    import pyarrow as pa
    import pyarrow.compute as pc

    purpose = spec_of(model).score_purpose
    gone = pc.is_in(scores.column("subscriber_id"), pa.array(sorted(withdrawn(purpose, as_of)), pa.string()))
    count = pc.sum(gone).as_py() or 0
    if count:
        audit.record("consent_veto", subject=f"{door} {as_of} {model}", once=True, purpose=str(purpose),
                     subscribers=count)
        log.info("%s as_of=%s model=%s: %d subscribers withdrew %s since", door, as_of, model, count, purpose)
    return scores.filter(pc.invert(gone))
