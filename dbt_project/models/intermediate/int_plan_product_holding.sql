with known_by as (select * from {{ ref('int_known_by') }}),

changes as (select * from {{ ref('int_subscription_change') }}),

plans as (select * from {{ ref('stg_billing_bravo__plans') }}),

-- What a line's row says holds from its day to the day of the next; an ended line holds until its end.
spoken as (
    select
        known_by,
        operator,
        subscription_token,
        plan_code,
        addon_codes,
        case when change_number = 1 then started_on else cast(changed_at as date) end as held_from_on,
        coalesce(ended_on, cast(next_changed_at as date)) as held_to_on
    from changes
    where addon_codes is not null
),

plan_lists as (
    select
        known_by.known_by,
        plans.operator,
        plans.plan_code,
        plans.component_codes,
        cast(plans.valid_at as date) as valid_on,
        lag(plans.component_codes) over plan_days as previous_codes,
        row_number() over plan_days as list_number
    from plans
    inner join known_by
        on plans.valid_at < known_by.known_by
        and {{ is_known('plans', 'known_by.known_by') }}
    window plan_days as (
        partition by known_by.known_by, plans.operator, plans.plan_code
        order by plans.valid_at, plans.dt, plans.drop_version
    )
),

-- The list is sent every day; the first one known of a plan speaks for all of its life before.
plan_changes as (
    select
        known_by,
        operator,
        plan_code,
        component_codes,
        case when list_number = 1 then date '0001-01-01' else valid_on end as valid_from_on,
        lead(valid_on) over (
            partition by known_by, operator, plan_code order by list_number
        ) as valid_to_on
    from plan_lists
    where previous_codes is null or previous_codes != component_codes
),

contents as (
    select
        known_by,
        subscription_token,
        held_from_on,
        held_to_on,
        unnest(addon_codes) as code
    from spoken
    union all
    select
        spoken.known_by,
        spoken.subscription_token,
        greatest(spoken.held_from_on, plan_changes.valid_from_on) as held_from_on,
        least(spoken.held_to_on, plan_changes.valid_to_on) as held_to_on,
        unnest(plan_changes.component_codes) as code
    from spoken
    inner join plan_changes
        on spoken.known_by = plan_changes.known_by
        and spoken.operator = plan_changes.operator
        and spoken.plan_code = plan_changes.plan_code
        and (spoken.held_to_on is null or plan_changes.valid_from_on <= spoken.held_to_on)
        and (plan_changes.valid_to_on is null or plan_changes.valid_to_on >= spoken.held_from_on)
),

-- A code nobody mapped keeps its own name: it counts as a product, without a cost.
products as (
    select
        known_by,
        subscription_token,
        coalesce({{ bravo_word('product', 'code') }}, code) as product_code,
        held_from_on,
        coalesce(held_to_on, date '9999-12-31') as held_to_on
    from contents
    where held_to_on is null or held_to_on >= held_from_on
),

reached as (
    select
        *,
        max(held_to_on) over (
            partition by known_by, subscription_token, product_code
            order by held_from_on, held_to_on
            rows between unbounded preceding and 1 preceding
        ) as reached_on
    from products
),

-- Spans of one product that touch are one holding, whether the plan has it or the line holds it beside the plan.
numbered as (
    select
        *,
        count(*) filter (where reached_on is null or held_from_on > reached_on) over (
            partition by known_by, subscription_token, product_code
            order by held_from_on, held_to_on
            rows between unbounded preceding and current row
        ) as holding_number
    from reached
),

holdings as (
    select
        known_by,
        subscription_token,
        product_code,
        min(held_from_on) as started_on,
        nullif(max(held_to_on), date '9999-12-31') as ended_on
    from numbered
    group by known_by, subscription_token, product_code, holding_number
)

select * from holdings
