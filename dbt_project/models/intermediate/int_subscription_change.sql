with known_by as (select * from {{ ref('int_known_by') }}),

identities as (select * from {{ ref('int_subscriber_identity') }}),

subscriptions as (select * from {{ ref('int_subscription') }}),

known as (
    select
        known_by.known_by,
        subscriptions.*
    from subscriptions
    inner join known_by
        on subscriptions.changed_at < known_by.known_by
        and {{ is_known('subscriptions', 'known_by.known_by') }}
),

-- Two rows of one moment: the later drop speaks last.
changes as (
    select
        known.known_by,
        identities.subscriber_id,
        known.operator,
        known.subscription_token,
        known.account_token,
        known.msisdn_token,
        known.plan_code,
        known.addon_codes,
        known.contract_type,
        known.price_house,
        known.started_on,
        known.contract_end_on,
        known.status,
        known.ended_on,
        known.end_reason,
        known.changed_at,
        lead(known.changed_at) over subscriber_changes as next_changed_at,
        row_number() over subscriber_changes as change_number
    from known
    inner join identities
        on known.known_by = identities.known_by and known.subscription_token = identities.subscription_token
    window subscriber_changes as (
        partition by known.known_by, identities.subscriber_id order by known.changed_at, known.dt, known.drop_version
    )
)

select * from changes
