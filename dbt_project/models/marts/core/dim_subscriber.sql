with newest as (select max(as_of) as as_of from {{ ref('int_as_of') }}),

changes as (select * from {{ ref('int_subscription_change') }}),

dated as (
    select
        changes.subscriber_id,
        changes.operator,
        changes.plan_code,
        changes.contract_type,
        changes.price_house,
        changes.started_on,
        changes.contract_end_on,
        changes.status,
        changes.ended_on,
        changes.end_reason,
        changes.changed_at as valid_from_at,
        changes.next_changed_at as valid_to_at,
        newest.as_of
    from changes
    inner join newest on changes.known_by = newest.as_of
)

-- Of two rows of one moment only the one that spoke last was ever valid.
select * from dated
where valid_to_at is null or valid_to_at > valid_from_at
