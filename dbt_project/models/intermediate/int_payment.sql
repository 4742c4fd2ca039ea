with alpha as (select * from {{ ref('stg_billing_alpha__payments') }}),

bravo as (select * from {{ ref('stg_billing_bravo__payments') }}),

payments as (
    select * from alpha
    union all by name
    select * from bravo
)

select * from payments
