with known_by as (select * from {{ ref('int_known_by') }}),

changes as (select * from {{ ref('int_subscription_change') }}),

events as (select * from {{ ref('int_number_event') }}),

-- A SIM swap changes the SIM of a number and nothing about who holds the number.
known_events as (
    select
        known_by.known_by,
        events.msisdn_token,
        events.event_kind,
        cast(events.occurred_at as date) as occurred_on
    from events
    inner join known_by
        on events.occurred_at < known_by.known_by
        and {{ is_known('events', 'known_by.known_by') }}
    where events.event_kind != 'sim_swap'
),

spoken as (
    select
        known_by,
        subscriber_id,
        msisdn_token,
        change_number,
        started_on,
        ended_on,
        cast(changed_at as date) as told_on,
        lag(msisdn_token) over subscriber_changes as previous_token,
        lag(ended_on) over subscriber_changes as previous_ended_on
    from changes
    window subscriber_changes as (partition by known_by, subscriber_id order by change_number)
),

-- A subscription claims a number with its first row, with a change of number, and when it comes back after its end.
numbered as (
    select
        *,
        count(*) filter (
            where previous_token is null
            or previous_token != msisdn_token
            or (ended_on is null and told_on > previous_ended_on)
        ) over (partition by known_by, subscriber_id order by change_number) as claim_number
    from spoken
),

claims as (
    select
        known_by,
        subscriber_id,
        msisdn_token,
        claim_number,
        min(change_number) = 1 as is_first,
        first(started_on order by change_number) as started_on,
        first(told_on order by change_number) as told_on,
        first(ended_on order by change_number desc) as ended_on
    from numbered
    group by known_by, subscriber_id, msisdn_token, claim_number
),

-- A number leaves its holder the day after the last day of service, or the day the subscription changes number.
left_claims as (
    select
        *,
        least(
            ended_on + 1, lead(told_on) over (partition by known_by, subscriber_id order by claim_number)
        ) as left_on
    from claims
),

-- The first row known of a subscription speaks for its life before, but not for the time in which the number was
-- somebody else's: it reaches back to the newest activation, port-in or reassignment, and to where another left it.
given as (
    select
        left_claims.known_by,
        left_claims.subscriber_id,
        max(known_events.occurred_on) as given_on
    from left_claims
    inner join known_events
        on left_claims.known_by = known_events.known_by
        and left_claims.msisdn_token = known_events.msisdn_token
        and left_claims.told_on >= known_events.occurred_on
    where left_claims.is_first and known_events.event_kind != 'port_out'
    group by left_claims.known_by, left_claims.subscriber_id
),

vacated as (
    select
        left_claims.known_by,
        left_claims.subscriber_id,
        max(others.left_on) as vacated_on
    from left_claims
    inner join left_claims as others
        on left_claims.known_by = others.known_by
        and left_claims.msisdn_token = others.msisdn_token
        and left_claims.subscriber_id != others.subscriber_id
        and left_claims.told_on >= others.left_on
    where left_claims.is_first
    group by left_claims.known_by, left_claims.subscriber_id
),

begun as (
    select
        left_claims.known_by,
        left_claims.subscriber_id,
        left_claims.msisdn_token,
        left_claims.claim_number,
        left_claims.told_on,
        left_claims.left_on,
        case
            when left_claims.is_first then greatest(left_claims.started_on, given.given_on, vacated.vacated_on)
            else left_claims.told_on
        end as held_from_on
    from left_claims
    left join given
        on left_claims.known_by = given.known_by and left_claims.subscriber_id = given.subscriber_id
    left join vacated
        on left_claims.known_by = vacated.known_by and left_claims.subscriber_id = vacated.subscriber_id
),

-- Billing may not have closed what the network says is gone. The day of a port-out is the last of the hold; a
-- reassignment ends the holds of before. A number rests for weeks before it is given away: who began within the month
-- before is the one it was given to.
cuts as (
    select
        begun.known_by,
        begun.subscriber_id,
        begun.claim_number,
        known_events.event_kind,
        known_events.occurred_on,
        case
            when known_events.event_kind = 'port_out' then known_events.occurred_on + 1
            else known_events.occurred_on
        end as cut_on
    from begun
    inner join known_events
        on begun.known_by = known_events.known_by
        and begun.msisdn_token = known_events.msisdn_token
        and known_events.event_kind in ('port_out', 'reassignment')
        and known_events.occurred_on
        > begun.held_from_on + case known_events.event_kind when 'port_out' then 0 else 30 end
        and (begun.left_on is null or known_events.occurred_on < begun.left_on)
),

first_cuts as (
    select
        known_by,
        subscriber_id,
        claim_number,
        arg_min(event_kind, (cut_on, event_kind)) as event_kind,
        min(cut_on) as cut_on
    from cuts
    group by known_by, subscriber_id, claim_number
),

-- A number that was ported out and comes back is its holder's again, unless someone else's subscription begins then.
returns as (
    select
        begun.known_by,
        begun.subscriber_id,
        begun.msisdn_token,
        begun.claim_number,
        begun.told_on,
        begun.left_on,
        known_events.occurred_on as held_from_on
    from begun
    inner join first_cuts
        on begun.known_by = first_cuts.known_by
        and begun.subscriber_id = first_cuts.subscriber_id
        and begun.claim_number = first_cuts.claim_number
        and first_cuts.event_kind = 'port_out'
    inner join known_events
        on begun.known_by = known_events.known_by
        and begun.msisdn_token = known_events.msisdn_token
        and known_events.event_kind = 'port_in'
        and known_events.occurred_on >= first_cuts.cut_on
        and (begun.left_on is null or known_events.occurred_on < begun.left_on)
    left join begun as others
        on begun.known_by = others.known_by
        and begun.msisdn_token = others.msisdn_token
        and begun.subscriber_id != others.subscriber_id
        and others.held_from_on between known_events.occurred_on - 1 and known_events.occurred_on + 1
    where others.subscriber_id is null
),

starts as (
    select * from begun
    union all
    select distinct * from returns
),

spans as (
    select
        starts.known_by,
        starts.msisdn_token,
        starts.subscriber_id,
        starts.held_from_on,
        starts.told_on,
        min(cuts.occurred_on) filter (where cuts.event_kind = 'port_out') as ported_out_on,
        least(min(starts.left_on), min(cuts.cut_on)) as left_on
    from starts
    left join cuts
        on starts.known_by = cuts.known_by
        and starts.subscriber_id = cuts.subscriber_id
        and starts.claim_number = cuts.claim_number
        and cuts.cut_on > starts.held_from_on + 1
    group by starts.known_by, starts.msisdn_token, starts.subscriber_id, starts.held_from_on, starts.told_on
),

-- Whoever takes a number over ends the hold of the one before: no day of use has two owners.
followed as (
    select
        *,
        lead(held_from_on) over (
            partition by known_by, msisdn_token order by held_from_on, told_on, subscriber_id
        ) as taken_on
    from spans
    where left_on is null or left_on > held_from_on
),

holdings as (
    select
        known_by,
        msisdn_token,
        subscriber_id,
        held_from_on,
        least(left_on, taken_on) as held_to_on,
        case when ported_out_on < least(left_on, taken_on) then ported_out_on end as ported_out_on
    from followed
    where taken_on is null or taken_on > held_from_on
)

select * from holdings
