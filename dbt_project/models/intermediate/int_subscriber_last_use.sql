with as_ofs as (select * from {{ ref('int_as_of') }}),

holdings as (select * from {{ ref('int_number_holding') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

subscriber_usage as (
    select
        as_ofs.as_of,
        holdings.subscriber_id,
        usage.usage_on,
        usage.is_use
    from usage
    inner join as_ofs
        on usage.usage_on < as_ofs.as_of
        and {{ is_known('usage', 'as_ofs.as_of') }}
    inner join holdings
        on as_ofs.as_of = holdings.known_by
        and usage.msisdn_token = holdings.msisdn_token
        and usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or usage.usage_on < holdings.held_to_on)
),

-- A line that only ever had idle rows has been silent since the day before the first of them.
last_use as (
    select
        as_of,
        subscriber_id,
        greatest(max(usage_on) filter (where is_use), min(usage_on) - 1) as last_used_on
    from subscriber_usage
    group by as_of, subscriber_id
)

select * from last_use
