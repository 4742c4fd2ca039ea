with interactions as (select * from {{ source('care', 'interactions') }}),

drop_versions as (
    {{ drop_versions('care.interactions') }}
),

versioned as (
    select
        interactions.operator,
        interactions.source,
        interactions.interaction_id,
        interactions.msisdn_token,
        interactions.channel,
        interactions.topic,
        interactions.opened_at,
        cast(interactions.opened_at as date) as opened_on,
        interactions.is_resolved,
        interactions.is_complaint,
        interactions.wait_seconds as wait_s,
        interactions.dt,
        interactions.drop_version,
        interactions.known_on,
        drop_versions.superseded_on,
        interactions.is_known_assumed
    from interactions
    inner join drop_versions
        on interactions.source = drop_versions.source
        and interactions.dt = drop_versions.dt
        and interactions.drop_version = drop_versions.drop_version
)

select * from versioned
