with requests as (select * from {{ source('governance', 'erasure_requests') }}),

drop_versions as (
    {{ drop_versions('governance.erasure_requests') }}
),

versioned as (
    select
        requests.operator,
        requests.source,
        requests.request_id,
        requests.subscription_token,
        requests.requested_at,
        requests.dt,
        requests.drop_version,
        requests.known_on,
        drop_versions.superseded_on,
        requests.is_known_assumed
    from requests
    inner join drop_versions
        on requests.source = drop_versions.source
        and requests.dt = drop_versions.dt
        and requests.drop_version = drop_versions.drop_version
)

select * from versioned
