-- Invoices come in any currency the estate has a rate for on their day; amount_house is what is summed and published.
-- Those of 90 days: earlier nights looked at theirs.
with invoices as (select * from {{ ref('fct_invoice') }} where issued_on >= as_of - 90),

first_rates as (
    select
        currency,
        min(valid_from) as rated_from_on
    from {{ source('estate', 'exchange_rates') }}
    group by currency
)

select
    invoices.operator,
    invoices.invoice_id,
    invoices.issued_on,
    invoices.currency,
    invoices.amount_house,
    first_rates.rated_from_on
from invoices
left join first_rates on invoices.currency = first_rates.currency
where
    invoices.amount_house is null
    or first_rates.rated_from_on is null
    or first_rates.rated_from_on > invoices.issued_on
