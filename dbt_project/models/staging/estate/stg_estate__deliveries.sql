with feeds as (select * from {{ source('estate', 'feeds') }}),

operators as (select * from {{ source('estate', 'operators') }}),

-- A feed the estate does not list is one the operator does not have.
deliveries as (
    select
        operators.operator,
        coalesce(bool_or(feeds.is_delivered) filter (where feeds.feed_id = 'care.interactions'), false) as has_care,
        coalesce(bool_or(feeds.is_delivered) filter (where feeds.feed_id like '%.products'), false) as has_products,
        coalesce(bool_or(feeds.is_delivered) filter (where feeds.feed_id like '%.invoices'), false) as has_invoices,
        coalesce(bool_or(feeds.is_delivered) filter (where feeds.feed_id like '%.payments'), false) as has_payments
    from operators
    left join feeds on operators.operator = feeds.operator
    group by operators.operator
)

select * from deliveries
