with subscribers as (select * from {{ ref('int_subscription_state') }}),

deliveries as (select * from {{ ref('stg_estate__deliveries') }}),

cost_rates as (select * from {{ ref('stg_estate__cost_rates') }}),

holdings as (select * from {{ ref('int_product_holding') }}),

held as (
    select distinct
        known_by,
        subscription_token,
        product_code
    from holdings
    where started_on < known_by and (ended_on is null or ended_on >= known_by)
),

-- A product without a declared rate costs nothing; the estate says so by leaving it out.
summed as (
    select
        held.known_by,
        held.subscription_token,
        count(*) as product_count,
        sum(coalesce(cost_rates.rate_house, 0)) as cost_house_30d,
        bool_or(held.product_code = 'internet_fiber') as has_internet_fiber,
        bool_or(held.product_code = 'internet_dsl') as has_internet_dsl,
        bool_or(held.product_code = 'voice') as has_voice,
        bool_or(held.product_code = 'multiple_lines') as has_multiple_lines,
        bool_or(held.product_code = 'mobile_data') as has_mobile_data,
        bool_or(held.product_code = 'online_security') as has_online_security,
        bool_or(held.product_code = 'online_backup') as has_online_backup,
        bool_or(held.product_code = 'device_protection') as has_device_protection,
        bool_or(held.product_code = 'tech_support') as has_tech_support,
        bool_or(held.product_code = 'streaming_tv') as has_streaming_tv,
        bool_or(held.product_code = 'streaming_movies') as has_streaming_movies
    from held
    left join cost_rates on held.product_code = cost_rates.product_code
    group by held.known_by, held.subscription_token
),

base_cost as (select sum(rate_house) filter (where product_code = 'base') as rate_house from cost_rates),

-- Where products are delivered, a subscription without any holds none; where they are not, NULL.
summaries as (
    select
        subscribers.known_by,
        subscribers.subscriber_id,
        case when deliveries.has_products then coalesce(summed.product_count, 0) end as product_count,
        coalesce(base_cost.rate_house, 0) + coalesce(summed.cost_house_30d, 0) as cost_house_30d,
        case
            when not deliveries.has_products then null
            when summed.has_internet_fiber then 'fiber'
            when summed.has_internet_dsl then 'dsl'
            else 'none'
        end as internet_technology,
        case when deliveries.has_products then coalesce(summed.has_voice, false) end as has_voice,
        case when deliveries.has_products then coalesce(summed.has_multiple_lines, false) end as has_multiple_lines,
        case when deliveries.has_products then coalesce(summed.has_mobile_data, false) end as has_mobile_data,
        case when deliveries.has_products then coalesce(summed.has_online_security, false) end as has_online_security,
        case when deliveries.has_products then coalesce(summed.has_online_backup, false) end as has_online_backup,
        case
            when deliveries.has_products then coalesce(summed.has_device_protection, false)
        end as has_device_protection,
        case when deliveries.has_products then coalesce(summed.has_tech_support, false) end as has_tech_support,
        case when deliveries.has_products then coalesce(summed.has_streaming_tv, false) end as has_streaming_tv,
        case when deliveries.has_products then coalesce(summed.has_streaming_movies, false) end as has_streaming_movies
    from subscribers
    inner join deliveries on subscribers.operator = deliveries.operator
    cross join base_cost
    left join summed
        on subscribers.known_by = summed.known_by
        and subscribers.subscription_token = summed.subscription_token
)

select * from summaries
