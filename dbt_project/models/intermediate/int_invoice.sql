with alpha as (select * from {{ ref('stg_billing_alpha__invoices') }}),

bravo as (select * from {{ ref('stg_billing_bravo__bills') }}),

invoices as (
    select * from alpha
    union all by name
    select * from bravo
)

select * from invoices
