with alpha as (select * from {{ ref('stg_billing_alpha__subscriptions') }}),

bravo as (select * from {{ ref('stg_billing_bravo__subscribers') }}),

subscriptions as (
    select
        operator,
        source,
        subscription_token,
        account_token,
        msisdn_token,
        plan_code,
        -- NULL where holdings have a feed of their own.
        null as addon_codes,
        contract_type,
        price_house,
        started_on,
        contract_end_on,
        status,
        ended_on,
        end_reason,
        changed_at,
        dt,
        drop_version,
        known_on,
        superseded_on,
        is_known_assumed
    from alpha
    union all
    select
        operator,
        source,
        subscription_token,
        account_token,
        msisdn_token,
        plan_code,
        addon_codes,
        contract_type,
        price_house,
        started_on,
        contract_end_on,
        status,
        ended_on,
        end_reason,
        changed_at,
        dt,
        drop_version,
        known_on,
        superseded_on,
        is_known_assumed
    from bravo
)

select * from subscriptions
