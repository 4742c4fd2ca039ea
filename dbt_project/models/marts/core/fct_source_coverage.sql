with as_ofs as (select * from {{ ref('int_as_of') }}),

holdings as (select * from {{ ref('int_number_holding') }}),

eligibility as (select * from {{ ref('int_subscriber_eligibility') }}),

usage as (select * from {{ ref('stg_network__usage_daily') }}),

-- The newest day alone: what is missing for a day is seen the night after, not when 90 days have run out.
newest_usage as (
    select distinct
        as_ofs.as_of,
        usage.source,
        usage.usage_on,
        usage.msisdn_token
    from usage
    inner join as_ofs
        on usage.usage_on = as_ofs.as_of - 1
        and {{ is_known('usage', 'as_ofs.as_of') }}
    where as_ofs.has_features
),

held_usage as (
    select
        newest_usage.as_of,
        newest_usage.source,
        holdings.subscriber_id
    from newest_usage
    left join holdings
        on newest_usage.as_of = holdings.known_by
        and newest_usage.msisdn_token = holdings.msisdn_token
        and newest_usage.usage_on >= holdings.held_from_on
        and (holdings.held_to_on is null or newest_usage.usage_on < holdings.held_to_on)
),

seen as (
    select distinct
        as_of,
        subscriber_id
    from held_usage
),

billing as (
    select
        eligibility.as_of,
        'billing_without_network' as gap,
        eligibility.operator as part,
        count(*) as counted,
        count(*) filter (where seen.subscriber_id is null) as unmatched
    from eligibility
    left join seen
        on eligibility.as_of = seen.as_of
        and eligibility.subscriber_id = seen.subscriber_id
    where eligibility.is_active and eligibility.has_features
    group by eligibility.as_of, eligibility.operator
),

network as (
    select
        as_of,
        'network_without_billing' as gap,
        source as part,
        count(*) as counted,
        count(*) filter (where subscriber_id is null) as unmatched
    from held_usage
    group by as_of, source
),

coverage as (
    select * from billing
    union all
    select * from network
)

select * from coverage
