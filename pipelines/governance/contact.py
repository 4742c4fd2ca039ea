"""The contact policy: who is left alone now, since a campaign contacted them lately or holds them out as its control.

As with withdrawn consent, all that has landed counts, not what was known at as_of: nobody is called twice because a
file came late. Consent is not asked here: who has not consented is not scored, and who withdrew since is in no extract.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.estate import estate
from pipelines.governance.landed import landed
from pipelines.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

FEED = "governance.campaigns"

# The newest drawing of each subscription and arm; of two of one moment the campaign later in the alphabet. Held out
# comes before contacted.
_LEFT_ALONE = """
    with drawn as (
        select drop.subscription_token, drop.campaign_id, drop.arm, drop.assigned_at
        from read_parquet($paths, hive_partitioning = false) as drop
        inner join versions
            on drop.source = versions.source and drop.dt = versions.dt and drop.drop_version = versions.drop_version
        where drop.assigned_at >= $since
    ),
    newest as (
        select
            subscription_token,
            arm = 'contacted' as is_contacted,
            arg_max(campaign_id, (assigned_at, campaign_id)) as campaign_id,
            cast(max(assigned_at) as date) as drawn_on
        from drawn
        group by subscription_token, arm
    ),
    resting as (
        select *, drawn_on + if(is_contacted, $rest, $hold_out) as until
        from newest
        where drawn_on + if(is_contacted, $rest, $hold_out) > $as_of
    )
    select
        'sub_' || subscription_token as subscriber_id,
        if(bool_and(is_contacted),
            max('contacted on ' || drawn_on || ' by ' || campaign_id || '; not before ' || until),
            max('held out of ' || campaign_id || ' until ' || until) filter (not is_contacted)
        ) as do_not_contact_because,
        max(campaign_id) filter (not is_contacted) as control_group
    from resting
    group by subscription_token
    order by subscriber_id
"""


def left_alone(as_of: date) -> pa.Table:
    """Who is left alone on as_of, sorted by subscriber_id, with do_not_contact_because in words and, for who is held
    out, the campaign as control_group. Nobody where no campaign feed tells."""
    import duckdb
    import pyarrow as pa

    policy, found = estate().contact, landed(FEED)
    longest = max(policy.rest, policy.hold_out)
    if not found.paths or not longest:
        names = ("subscriber_id", "do_not_contact_because", "control_group")
        return pa.schema([(name, pa.string()) for name in names]).empty_table()
    told = {"paths": found.paths, "as_of": as_of, "rest": policy.rest, "hold_out": policy.hold_out,
            "since": datetime.combine(as_of - timedelta(days=longest), datetime.min.time())}
    with duckdb.connect(config=settings().duckdb) as connection:
        connection.register("versions", found.versions)
        return connection.sql(_LEFT_ALONE, params=told).to_arrow_table()
