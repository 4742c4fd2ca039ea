with cutoffs as (
    select * from {{ ref('int_label_cutoff') }}
    where label = 'lbl_ltv'
),

active as (
    select
        cutoffs.as_of,
        cutoffs.stop_on,
        cutoffs.known_by,
        eligibility.subscriber_id,
        eligibility.operator,
        eligibility.subscription_token
    from {{ ref('int_subscriber_eligibility') }} as eligibility
    inner join cutoffs on eligibility.as_of = cutoffs.as_of
    where eligibility.is_active
),

subscriptions as (select * from {{ ref('int_subscription_state') }}),

holdings as (select * from {{ ref('int_product_holding') }}),

invoices as (select * from {{ ref('int_invoice') }}),

cost_rates as (select * from {{ ref('stg_estate__cost_rates') }}),

deliveries as (select * from {{ ref('stg_estate__deliveries') }}),

-- [served_from_on, served_to_on): the part of the window in which the subscription was open.
served as (
    select
        active.*,
        least(active.stop_on, subscriptions.ended_on + 1) as served_to_on
    from active
    inner join subscriptions
        on active.known_by = subscriptions.known_by
        and active.subscriber_id = subscriptions.subscriber_id
),

held_days as (
    select
        as_of,
        subscriber_id,
        'base' as product_code,
        served_to_on - as_of as days
    from served
    union all
    select
        served.as_of,
        served.subscriber_id,
        holdings.product_code,
        least(served.served_to_on, holdings.ended_on + 1) - greatest(served.as_of, holdings.started_on) as days
    from served
    inner join holdings
        on served.known_by = holdings.known_by
        and served.subscription_token = holdings.subscription_token
),

-- Cost rates are per 30 days: thirty times the cost is exact.
costs as (
    select
        held_days.as_of,
        held_days.subscriber_id,
        sum(held_days.days * cost_rates.rate_house) as cost_house_x30
    from held_days
    inner join cost_rates on held_days.product_code = cost_rates.product_code
    where held_days.days > 0
    group by held_days.as_of, held_days.subscriber_id
),

billed as (
    select
        active.as_of,
        active.subscriber_id,
        sum(invoices.amount_house) as billed_house
    from active
    inner join invoices
        on active.subscription_token = invoices.subscription_token
        and invoices.issued_on >= active.as_of
        and invoices.issued_on < active.stop_on
        and {{ is_known('invoices', 'active.known_by') }}
    group by active.as_of, active.subscriber_id
),

-- 0 is the truth where the feed is delivered and nothing was billed, or where no product has a cost rate.
margins as (
    select
        active.as_of,
        active.subscriber_id,
        active.known_by,
        case
            when deliveries.has_invoices
                then 30 * coalesce(billed.billed_house, 0) - coalesce(costs.cost_house_x30, 0)
        end as margin_house_x30
    from active
    inner join deliveries on active.operator = deliveries.operator
    left join billed on active.as_of = billed.as_of and active.subscriber_id = billed.subscriber_id
    left join costs on active.as_of = costs.as_of and active.subscriber_id = costs.subscriber_id
)

select * from margins
