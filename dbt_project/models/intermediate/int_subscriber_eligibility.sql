with as_ofs as (select * from {{ ref('int_as_of') }}),

subscriptions as (select * from {{ ref('int_subscription_state') }}),

accounts as (select * from {{ ref('int_account_state') }}),

last_use as (select * from {{ ref('int_subscriber_last_use') }}),

-- A subscription that ends on as_of itself is still open as that day begins.
open_subscriptions as (
    select
        as_ofs.as_of,
        as_ofs.has_features,
        subscriptions.*
    from subscriptions
    inner join as_ofs on subscriptions.known_by = as_ofs.as_of
    where subscriptions.ended_on is null or subscriptions.ended_on >= as_ofs.as_of
),

judged as (
    select
        open_subscriptions.subscriber_id,
        open_subscriptions.as_of,
        open_subscriptions.has_features,
        open_subscriptions.operator,
        open_subscriptions.subscription_token,
        open_subscriptions.account_token,
        accounts.region,
        accounts.segment,
        accounts.age_band,
        open_subscriptions.contract_type,
        open_subscriptions.as_of - open_subscriptions.started_on as tenure_days,
        case
            when open_subscriptions.as_of - open_subscriptions.started_on < 1 then 'tenure_under_one_day'
            -- No usage row ever known (no network feed, a landline): last_used_on is NULL and silence is not judged.
            when last_use.last_used_on < open_subscriptions.as_of - {{ silence_days() }} then 'silent_45_days'
        end as exclusion
    from open_subscriptions
    left join accounts
        on open_subscriptions.known_by = accounts.known_by
        and open_subscriptions.account_token = accounts.account_token
    left join last_use
        on open_subscriptions.as_of = last_use.as_of
        and open_subscriptions.subscriber_id = last_use.subscriber_id
),

eligibility as (
    select
        *,
        exclusion is null as is_active
    from judged
)

select * from eligibility
