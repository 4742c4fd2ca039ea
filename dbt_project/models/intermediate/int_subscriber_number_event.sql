with as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),

holdings as (select * from {{ ref('int_number_holding') }}),

events as (select * from {{ ref('int_number_event') }}),

known_events as (
    select
        as_ofs.as_of,
        events.msisdn_token,
        events.event_kind,
        cast(events.occurred_at as date) as occurred_on
    from events
    inner join as_ofs
        on events.occurred_at < as_ofs.as_of
        and {{ is_known('events', 'as_ofs.as_of') }}
    where events.event_kind in ('sim_swap', 'port_in')
),

-- A day of slack for a port-in: billing's first day is local, the network's event is UTC.
happened as (
    select
        known_events.as_of,
        holdings.subscriber_id,
        max(known_events.occurred_on) filter (
            where known_events.event_kind = 'sim_swap'
            and known_events.occurred_on >= known_events.as_of - 90
            and known_events.occurred_on >= holdings.held_from_on
        ) as last_sim_swap_on,
        coalesce(bool_or(
            known_events.event_kind = 'port_in' and known_events.occurred_on <= holdings.held_from_on + 1
        ), false) as is_ported_in
    from known_events
    inner join holdings
        on known_events.as_of = holdings.known_by
        and known_events.msisdn_token = holdings.msisdn_token
        and known_events.occurred_on >= holdings.held_from_on - 1
        and (holdings.held_to_on is null or known_events.occurred_on < holdings.held_to_on)
    group by known_events.as_of, holdings.subscriber_id
)

select * from happened
