-- Invoices come in any currency the estate has a rate for on their day; amount_house is what is summed and published.
-- Those of 90 days: earlier nights looked at theirs.
with invoices as (select * from {{ ref('fct_invoice') }} where issued_on >= as_of - 90),

exchange_rates as (select * from {{ source('estate', 'exchange_rates') }}),

rated as (
    select
        invoices.operator,
        invoices.invoice_id,
        invoices.issued_on,
        invoices.currency,
        invoices.amount_house,
        min(exchange_rates.valid_from) as rated_from_on
    from invoices
    left join exchange_rates on invoices.currency = exchange_rates.currency
    group by all
)

select * from rated
where amount_house is null or rated_from_on is null or rated_from_on > issued_on
