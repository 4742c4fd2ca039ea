-- Amounts are summed as they come: until a dated rate table converts them, one currency per operator.
with invoices as (select * from {{ ref('fct_invoice') }}),

subscribers as (
    select distinct
        subscriber_id,
        operator
    from {{ ref('dim_subscriber') }}
),

operators as (select * from {{ source('estate', 'operators') }})

select
    invoices.invoice_id,
    invoices.currency
from invoices
inner join subscribers on invoices.subscriber_id = subscribers.subscriber_id
inner join operators on subscribers.operator = operators.operator
where invoices.currency != operators.currency
