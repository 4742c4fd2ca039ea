with plans as (select * from {{ source('billing_bravo', 'plans') }}),

drop_versions as (
    {{ drop_versions('billing_bravo.plans') }}
),

versioned as (
    select
        plans.operator,
        plans.source,
        plans.tariff_id as plan_code,
        plans.tariff_name as plan_name,
        plans.monthly_fee_house as price_house,
        plans.currency,
        {{ bravo_codes('plans.components') }} as component_codes,
        plans.valid_at,
        plans.dt,
        plans.drop_version,
        plans.known_on,
        drop_versions.superseded_on,
        plans.is_known_assumed
    from plans
    inner join drop_versions
        on plans.source = drop_versions.source
        and plans.dt = drop_versions.dt
        and plans.drop_version = drop_versions.drop_version
)

select * from versioned
