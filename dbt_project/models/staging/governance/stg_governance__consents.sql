with consents as (select * from {{ source('governance', 'consents') }}),

drop_versions as (
    {{ drop_versions('governance.consents') }}
),

versioned as (
    select
        consents.operator,
        consents.source,
        consents.subscription_token,
        consents.purpose,
        consents.status = 'granted' as is_granted,
        consents.channel,
        consents.changed_at,
        consents.dt,
        consents.drop_version,
        consents.known_on,
        drop_versions.superseded_on,
        consents.is_known_assumed
    from consents
    inner join drop_versions
        on consents.source = drop_versions.source
        and consents.dt = drop_versions.dt
        and consents.drop_version = drop_versions.drop_version
)

select * from versioned
