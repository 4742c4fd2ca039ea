with as_ofs as (select * from {{ ref('int_as_of') }}),

usage as not materialized (select * from {{ ref('stg_network__usage_daily') }}),

-- Every row of use in the 90 days before an as_of with features.
windows as not materialized (select * from {{ ref('int_subscriber_usage') }}),

open_subscriptions as (
    select
        as_ofs.as_of,
        as_ofs.has_features,
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
        open_subscriptions.has_features,
        open_subscriptions.subscriber_id,
        held.msisdn_token,
        held.held_from_on,
        held.held_to_on
    from {{ ref('int_number_holding') }} as held
    inner join open_subscriptions
        on held.known_by = open_subscriptions.as_of
        and held.subscriber_id = open_subscriptions.subscriber_id
),

-- An as_of of labels alone has no windows, but nearly everyone used something in the week before: all of history is
-- read for the others alone.
week_days as (
    select distinct cast(unnest(range(as_of - 7, as_of, interval 1 day)) as date) as day
    from as_ofs
    where not has_features
),

used_in_week as (
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
        and not holdings.has_features
    where usage.is_use and usage.usage_on in (select week_days.day from week_days)
    group by holdings.holding_number
),

lately as (
    select
        holdings.as_of,
        holdings.subscriber_id,
        max(used_in_week.last_used_on) as last_used_on
    from used_in_week
    inner join holdings on used_in_week.holding_number = holdings.holding_number
    group by holdings.as_of, holdings.subscriber_id
    union all
    select
        as_of,
        subscriber_id,
        last_used_on
    from windows
    where last_used_on is not null
),

-- Of an as_of with features the days before its windows are left to be read.
quiet_holdings as (
    select
        holdings.*,
        case when holdings.has_features then holdings.as_of - 90 else holdings.as_of end as stop_on
    from holdings
    anti join lately
        on holdings.as_of = lately.as_of
        and holdings.subscriber_id = lately.subscriber_id
),

-- A day by which DuckDB leaves out what it need not read.
span as (select max(case when has_features then as_of - 90 else as_of end) as stop_on from as_ofs),

quiet_use as (
    select
        quiet_holdings.holding_number,
        max(usage.usage_on) filter (where usage.is_use) as last_used_on,
        min(usage.usage_on) as first_seen_on
    from usage
    inner join span on usage.usage_on < span.stop_on
    inner join quiet_holdings
        on usage.msisdn_token = quiet_holdings.msisdn_token
        and usage.usage_on < quiet_holdings.stop_on
        and usage.usage_on >= quiet_holdings.held_from_on
        and (quiet_holdings.held_to_on is null or usage.usage_on < quiet_holdings.held_to_on)
        and {{ is_known('usage', 'quiet_holdings.as_of') }}
    group by quiet_holdings.holding_number
),

quiet as (
    select
        holdings.as_of,
        holdings.subscriber_id,
        quiet_use.last_used_on,
        quiet_use.first_seen_on
    from quiet_use
    inner join holdings on quiet_use.holding_number = holdings.holding_number
    union all
    select
        as_of,
        subscriber_id,
        last_used_on,
        first_seen_on
    from windows
    where last_used_on is null
),

-- A line that only ever had idle rows has been silent since the day before the first of them.
last_use as (
    select
        as_of,
        subscriber_id,
        last_used_on
    from lately
    union all
    select
        as_of,
        subscriber_id,
        greatest(max(last_used_on), min(first_seen_on) - 1) as last_used_on
    from quiet
    group by as_of, subscriber_id
)

select * from last_use
