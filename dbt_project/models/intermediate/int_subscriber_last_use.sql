with as_ofs as (select as_of from {{ ref('int_as_of') }}),

-- Read twice, each time for other rows: kept whole in between it would be all of history.
usage as not materialized (select * from {{ ref('stg_network__usage_daily') }}),

open_subscriptions as (
    select
        as_ofs.as_of,
        subscriptions.subscriber_id
    from {{ ref('int_subscription_state') }} as subscriptions
    inner join as_ofs on subscriptions.known_by = as_ofs.as_of
    where subscriptions.ended_on is null or subscriptions.ended_on >= as_ofs.as_of
),

-- Numbered, because groups of whole numbers cost a tenth of groups of names; materialised, so that a number stays.
holdings as materialized (
    select
        row_number() over () as holding_number,
        open_subscriptions.as_of,
        open_subscriptions.subscriber_id,
        held.msisdn_token,
        held.held_from_on,
        held.held_to_on
    from {{ ref('int_number_holding') }} as held
    inner join open_subscriptions
        on held.known_by = open_subscriptions.as_of
        and held.subscriber_id = open_subscriptions.subscriber_id
),

-- Nearly everyone used something in the week before: all of history is read for the others alone.
week_days as (
    select distinct cast(unnest(range(as_of - 7, as_of, interval 1 day)) as date) as day
    from as_ofs
),

used_lately as (
    select
        holdings.holding_number,
        max(usage.usage_on) as last_used_on
    from usage
    inner join holdings
        on usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.as_of - 7
        and usage.usage_on < holdings.as_of
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
        and {{ is_known('usage', 'holdings.as_of') }}
    where usage.is_use and usage.usage_on in (select week_days.day from week_days)
    group by holdings.holding_number
),

recent_use as (
    select
        holdings.as_of,
        holdings.subscriber_id,
        max(used_lately.last_used_on) as last_used_on
    from used_lately
    inner join holdings on used_lately.holding_number = holdings.holding_number
    group by holdings.as_of, holdings.subscriber_id
),

quiet_holdings as (
    select holdings.*
    from holdings
    anti join recent_use
        on holdings.as_of = recent_use.as_of
        and holdings.subscriber_id = recent_use.subscriber_id
),

quiet_use as (
    select
        quiet_holdings.holding_number,
        max(usage.usage_on) filter (where usage.is_use) as last_used_on,
        min(usage.usage_on) as first_seen_on
    from usage
    inner join quiet_holdings
        on usage.msisdn_token = quiet_holdings.msisdn_token
        and usage.usage_on < quiet_holdings.as_of
        and usage.usage_on >= quiet_holdings.held_from_on
        and (quiet_holdings.held_to_on is null or usage.usage_on < quiet_holdings.held_to_on)
        and {{ is_known('usage', 'quiet_holdings.as_of') }}
    group by quiet_holdings.holding_number
),

-- A line that only ever had idle rows has been silent since the day before the first of them.
last_use as (
    select
        as_of,
        subscriber_id,
        last_used_on
    from recent_use
    union all
    select
        holdings.as_of,
        holdings.subscriber_id,
        greatest(max(quiet_use.last_used_on), min(quiet_use.first_seen_on) - 1) as last_used_on
    from quiet_use
    inner join holdings on quiet_use.holding_number = holdings.holding_number
    group by holdings.as_of, holdings.subscriber_id
)

select * from last_use
