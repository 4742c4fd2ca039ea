with cutoffs as (
    select * from {{ ref('int_label_cutoff') }}
    where label = 'lbl_upgrade_60d'
),

active as (
    select
        cutoffs.as_of,
        cutoffs.stop_on,
        cutoffs.known_by,
        eligibility.subscriber_id,
        eligibility.subscription_token
    from {{ ref('int_subscriber_eligibility') }} as eligibility
    inner join cutoffs on eligibility.as_of = cutoffs.as_of
    where eligibility.is_active
),

changes as (select * from {{ ref('int_subscription_change') }}),

told as (
    select
        active.as_of,
        active.subscriber_id,
        changes.changed_at,
        changes.change_number,
        changes.plan_code,
        changes.price_house,
        lag(changes.plan_code) over subscription_rows as plan_before,
        lag(changes.price_house) over subscription_rows as price_before
    from active
    inner join changes
        on active.known_by = changes.known_by
        and active.subscriber_id = changes.subscriber_id
        and active.subscription_token = changes.subscription_token
        and changes.changed_at < active.stop_on
    window subscription_rows as (partition by active.as_of, active.subscriber_id order by changes.change_number)
),

standing as (
    select
        as_of,
        subscriber_id,
        arg_max(plan_code, change_number) as plan_code,
        arg_max(price_house, change_number) as price_house
    from told
    where changed_at < as_of
    group by as_of, subscriber_id
),

-- Dearer than the plan it leaves, so that a price rise is no upgrade, and than the one of as_of, so that the way back
-- from a cheaper plan is none.
upgrades as (
    select
        told.as_of,
        told.subscriber_id,
        arg_min(told.plan_code, told.change_number) as upgraded_to
    from told
    inner join standing on told.as_of = standing.as_of and told.subscriber_id = standing.subscriber_id
    where
        told.changed_at >= told.as_of
        and told.plan_code != told.plan_before
        and told.price_house > told.price_before
        and told.plan_code != standing.plan_code
        and told.price_house > standing.price_house
    group by told.as_of, told.subscriber_id
),

labels as (
    select
        active.subscriber_id,
        cast(active.as_of as timestamp) as event_timestamp,
        upgrades.subscriber_id is not null as is_upgraded,
        upgrades.upgraded_to,
        active.known_by as matured_on
    from active
    left join upgrades on active.as_of = upgrades.as_of and active.subscriber_id = upgrades.subscriber_id
)

select * from labels
