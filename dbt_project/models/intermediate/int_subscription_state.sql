with changes as (select * from {{ ref('int_subscription_change') }}),

newest as (
    select * exclude (next_changed_at, change_number)
    from changes
    where next_changed_at is null
)

select * from newest
