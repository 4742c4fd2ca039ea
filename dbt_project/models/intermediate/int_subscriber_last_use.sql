with as_ofs as (select as_of from {{ ref('int_as_of') }}),

holdings as (select * from {{ ref('int_number_holding') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

recent_days as (
    select * from {{ ref('int_window_day') }}
    where window_name = 'last_use'
),

-- Nearly everyone used something within the days that decide silence: all of history is read for the others alone.
recent_use as (
    select
        recent_days.as_of,
        holdings.subscriber_id,
        max(usage.usage_on) as last_used_on
    from usage
    inner join recent_days
        on usage.usage_on = recent_days.day
        and {{ is_known('usage', 'recent_days.as_of') }}
    inner join holdings
        on recent_days.as_of = holdings.known_by
        and usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
    where usage.is_use
    group by recent_days.as_of, holdings.subscriber_id
),

quiet_holdings as (
    select
        as_ofs.as_of,
        holdings.*
    from holdings
    inner join as_ofs on holdings.known_by = as_ofs.as_of
    anti join recent_use
        on as_ofs.as_of = recent_use.as_of
        and holdings.subscriber_id = recent_use.subscriber_id
),

quiet_usage as (
    select
        quiet_holdings.as_of,
        quiet_holdings.subscriber_id,
        usage.usage_on,
        usage.is_use
    from usage
    inner join quiet_holdings
        on usage.msisdn_token = quiet_holdings.msisdn_token
        and usage.usage_on < quiet_holdings.as_of
        and {{ is_known('usage', 'quiet_holdings.as_of') }}
        and usage.usage_on >= quiet_holdings.held_from_on
        and (quiet_holdings.held_to_on is null or usage.usage_on < quiet_holdings.held_to_on)
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
        as_of,
        subscriber_id,
        greatest(max(usage_on) filter (where is_use), min(usage_on) - 1) as last_used_on
    from quiet_usage
    group by as_of, subscriber_id
)

select * from last_use
