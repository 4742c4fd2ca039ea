"""The contact policy: who is left alone now, since a campaign contacted them lately or holds them out as its control.

As with withdrawn consent, all that has landed counts, not what was known at as_of: nobody is called twice because a
file came late. Consent is not asked here: who has not consented is not scored, and who withdrew since is in no extract.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipelines.estate import estate
from pipelines.governance.landed import landed
from pipelines.settings import settings

FEED = "governance.campaigns"

# The newest drawing of each subscription and arm; of two of one moment the campaign later in the alphabet.
_DRAWN = """
    with drawn as (
        select drop.subscription_token, drop.campaign_id, drop.arm, drop.assigned_at
        from read_parquet($paths, hive_partitioning = false) as drop
        inner join versions
            on drop.source = versions.source and drop.dt = versions.dt and drop.drop_version = versions.drop_version
        where drop.assigned_at >= $since
    )
    select subscription_token, arm, arg_max(campaign_id, (assigned_at, campaign_id)), max(assigned_at)
    from drawn
    group by subscription_token, arm
"""


@dataclass(frozen=True)
class LeftAlone:
    """Why somebody is left alone. `control_of`: the campaign that holds them out; empty: they were contacted."""

    because: str
    control_of: str = ""


def left_alone(as_of: date) -> dict[str, LeftAlone]:
    """By subscriber, on as_of. Held out comes before contacted. Nobody where no campaign feed tells."""
    import duckdb

    policy, found = estate().contact, landed(FEED)
    longest = max(policy.rest, policy.hold_out)
    if not found.paths or not longest:
        return {}
    since = datetime.combine(as_of - timedelta(days=longest), datetime.min.time())
    with duckdb.connect(config=settings().duckdb) as connection:
        connection.register("versions", found.versions)
        rows = connection.execute(_DRAWN, {"paths": found.paths, "since": since}).fetchall()
    told: dict[str, LeftAlone] = {}
    for token, arm, campaign, assigned_at in sorted(rows, key=lambda row: (row[0], row[1] != "contacted")):
        days = policy.rest if arm == "contacted" else policy.hold_out
        until = assigned_at.date() + timedelta(days=days)
        if until > as_of:
            told[f"sub_{token}"] = _told(arm, campaign, assigned_at.date(), until)
    return told


def _told(arm: str, campaign: str, on: date, until: date) -> LeftAlone:
    if arm == "contacted":
        return LeftAlone(f"contacted on {on} by {campaign}; not before {until}")
    return LeftAlone(f"held out of {campaign} until {until}", campaign)
