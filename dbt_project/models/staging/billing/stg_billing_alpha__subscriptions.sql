with subscriptions as (select * from {{ source('billing_alpha', 'subscriptions') }}),

drop_versions as (
    {{ drop_versions('billing_alpha.subscriptions') }}
),

versioned as (
    select
        subscriptions.operator,
        subscriptions.source,
        subscriptions.subscription_token,
        subscriptions.account_token,
        subscriptions.msisdn_token,
        subscriptions.plan_code,
        subscriptions.contract_type,
        subscriptions.price_house,
        subscriptions.started_on,
        subscriptions.contract_end_on,
        subscriptions.status,
        -- An end without its day took effect when the change did; a day without an end is a notice, not an end.
        case
            when subscriptions.status = 'ended'
                then coalesce(subscriptions.ended_on, cast(subscriptions.changed_at as date))
        end as ended_on,
        subscriptions.end_reason,
        subscriptions.changed_at,
        subscriptions.dt,
        subscriptions.drop_version,
        subscriptions.known_on,
        drop_versions.superseded_on,
        subscriptions.is_known_assumed
    from subscriptions
    inner join drop_versions
        on subscriptions.source = drop_versions.source
        and subscriptions.dt = drop_versions.dt
        and subscriptions.drop_version = drop_versions.drop_version
)

select * from versioned
