with known_by as (select * from {{ ref('int_known_by') }}),

subscriptions as (select * from {{ ref('stg_billing__subscriptions') }}),

-- One subscription, one subscriber, until a second operator or a ported number needs a golden id.
identities as (
    select distinct
        known_by.known_by,
        subscriptions.operator,
        subscriptions.subscription_token,
        'sub_' || subscriptions.subscription_token as subscriber_id
    from subscriptions
    inner join known_by on {{ is_known('subscriptions', 'known_by.known_by') }}
)

select * from identities
