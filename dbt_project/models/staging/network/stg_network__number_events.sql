with events as (select * from {{ source('network', 'number_events') }}),

drop_versions as (
    {{ drop_versions('network.number_events') }}
),

versioned as (
    select
        events.operator,
        events.source,
        events.event_id,
        events.event as event_kind,
        events.msisdn_token,
        events.imsi_token,
        events.other_network,
        events.occurred_at,
        events.dt,
        events.drop_version,
        events.known_on,
        drop_versions.superseded_on,
        events.is_known_assumed
    from events
    inner join drop_versions
        on events.source = drop_versions.source
        and events.dt = drop_versions.dt
        and events.drop_version = drop_versions.drop_version
)

select * from versioned
