with known_by as (select * from {{ ref('int_known_by') }}),

products as (select * from {{ ref('stg_billing_alpha__products') }}),

plan_holdings as (select * from {{ ref('int_plan_product_holding') }}),

-- A product given up and taken again has two holdings, told apart by their first day.
told_holdings as (
    select
        known_by.known_by,
        products.subscription_token,
        products.product_code,
        products.started_on,
        products.ended_on
    from products
    inner join known_by
        on products.changed_at < known_by.known_by
        and {{ is_known('products', 'known_by.known_by') }}
    qualify row_number() over (
        partition by known_by.known_by, products.subscription_token, products.product_code, products.started_on
        order by products.changed_at desc, products.dt desc, products.drop_version desc
    ) = 1
),

holdings as (
    select * from told_holdings
    union all by name
    select * from plan_holdings
)

select * from holdings
