with products as (select * from {{ source('billing_alpha', 'products') }}),

drop_versions as (
    {{ drop_versions('billing_alpha.products') }}
),

versioned as (
    select
        products.operator,
        products.source,
        products.subscription_token,
        products.product_code,
        products.started_on,
        products.ended_on,
        products.changed_at,
        products.dt,
        products.drop_version,
        products.known_on,
        drop_versions.superseded_on,
        products.is_known_assumed
    from products
    inner join drop_versions
        on products.source = drop_versions.source
        and products.dt = drop_versions.dt
        and products.drop_version = drop_versions.drop_version
)

select * from versioned
