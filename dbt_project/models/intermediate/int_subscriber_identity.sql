with known_by as (select * from {{ ref('int_known_by') }}),

subscriptions as (select * from {{ ref('int_subscription') }}),

-- One subscription, one subscriber. A subscription's token is made of its operator and its id, so that two systems
-- may use the same id; a line that moves from one operator to the other is a port, and a new subscriber.
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
