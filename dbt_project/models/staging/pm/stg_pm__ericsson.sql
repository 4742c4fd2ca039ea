with counters as (select * from {{ source('pm', 'ericsson') }}),

drop_versions as (
    {{ drop_versions('pm.ericsson') }}
),

versioned as (
    select
        counters.operator,
        counters.source,
        {{ pm_period('ericsson') }},
        counters.dt,
        counters.drop_version,
        counters.known_on,
        drop_versions.superseded_on,
        counters.is_known_assumed
    from counters
    inner join drop_versions
        on counters.source = drop_versions.source
        and counters.dt = drop_versions.dt
        and counters.drop_version = drop_versions.drop_version
)

select * from versioned
