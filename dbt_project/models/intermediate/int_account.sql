with alpha as (select * from {{ ref('stg_billing_alpha__accounts') }}),

bravo as (select * from {{ ref('stg_billing_bravo__subscribers') }}),

-- Bravo says everything of a customer with each of the customer's lines: told_by is that line.
accounts as (
    select
        operator,
        source,
        account_token,
        segment,
        region,
        age_band,
        has_partner,
        has_dependents,
        is_paperless,
        payment_method,
        changed_at,
        account_token as told_by,
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
        account_token,
        segment,
        region,
        age_band,
        has_partner,
        has_dependents,
        is_paperless,
        payment_method,
        changed_at,
        subscription_token as told_by,
        dt,
        drop_version,
        known_on,
        superseded_on,
        is_known_assumed
    from bravo
)

select * from accounts
