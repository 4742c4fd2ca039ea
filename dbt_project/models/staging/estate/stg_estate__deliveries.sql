with feeds as (select * from {{ source('estate', 'feeds') }}),

operators as (select * from {{ source('estate', 'operators') }}),

delivered as (select * from feeds where is_delivered),

-- Network, customer care and governance serve the whole house, whichever operator the estate files their feeds under.
house as (
    select
        count(*) filter (where shape_id = 'care.interactions') > 0 as has_care,
        count(*) filter (where shape_id = 'care.complaints') > 0 as has_complaints,
        count(*) filter (where shape_id = 'network.number_events') > 0 as has_number_events,
        count(*) filter (where shape_id = 'governance.campaigns') > 0 as has_campaigns
    from delivered
),

-- A feed the estate does not list is one the operator does not have. Bravo's holdings are its lines' plans and add-ons.
deliveries as (
    select
        operators.operator,
        house.has_care,
        house.has_complaints,
        house.has_number_events,
        house.has_campaigns,
        count(*) filter (
            where delivered.shape_id in ('billing_alpha.products', 'billing_bravo.plans')
        ) > 0 as has_products,
        count(*) filter (
            where delivered.shape_id in ('billing_alpha.invoices', 'billing_bravo.bills')
        ) > 0 as has_invoices,
        count(*) filter (
            where delivered.shape_id in ('billing_alpha.payments', 'billing_bravo.payments')
        ) > 0 as has_payments
    from operators
    cross join house
    left join delivered on operators.operator = delivered.operator
    group by all
)

select * from deliveries
