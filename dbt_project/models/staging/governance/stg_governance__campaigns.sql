with campaigns as (select * from {{ source('governance', 'campaigns') }}),

drop_versions as (
    {{ drop_versions('governance.campaigns') }}
),

versioned as (
    select
        campaigns.operator,
        campaigns.source,
        campaigns.campaign_id,
        campaigns.subscription_token,
        campaigns.arm = 'contacted' as is_contacted,
        campaigns.offer as offer_code,
        campaigns.channel,
        campaigns.assigned_at,
        campaigns.dt,
        campaigns.drop_version,
        campaigns.known_on,
        drop_versions.superseded_on,
        campaigns.is_known_assumed
    from campaigns
    inner join drop_versions
        on campaigns.source = drop_versions.source
        and campaigns.dt = drop_versions.dt
        and campaigns.drop_version = drop_versions.drop_version
)

select * from versioned
