with cutoffs as (
    select
        as_of,
        as_of + {{ churn_horizon() }} as stop_on,
        as_of + {{ churn_known_after() }} as known_by
    from {{ ref('int_as_of') }}
    where has_churn_label
),

active as (
    select
        cutoffs.*,
        eligibility.subscriber_id
    from {{ ref('int_subscriber_eligibility') }} as eligibility
    inner join cutoffs on eligibility.as_of = cutoffs.as_of
    where eligibility.is_active
),

changes as (select * from {{ ref('int_subscription_change') }}),

silences as (select * from {{ ref('int_subscriber_silence') }}),

-- An end taken back before its day was over is no end; one taken back later was, and a win-back followed.
endings as (
    select
        active.as_of,
        active.subscriber_id,
        changes.ended_on as churned_on,
        changes.end_reason as churn_kind
    from active
    inner join changes
        on active.known_by = changes.known_by
        and active.subscriber_id = changes.subscriber_id
        and changes.ended_on >= active.as_of
        and changes.ended_on < active.stop_on
    where
        changes.end_reason in ('cancellation', 'port_out', 'non_payment')
        and (changes.next_changed_at is null or changes.next_changed_at >= changes.ended_on + 1)
),

events as (
    select * from endings
    union all
    select
        as_of,
        subscriber_id,
        silent_on as churned_on,
        'silence' as churn_kind
    from silences
),

first_events as (
    select *
    from events
    qualify row_number() over (partition by as_of, subscriber_id order by churned_on, churn_kind) = 1
),

labels as (
    select
        active.subscriber_id,
        cast(active.as_of as timestamp) as event_timestamp,
        first_events.subscriber_id is not null as is_churned,
        first_events.churn_kind,
        active.known_by as matured_on
    from active
    left join first_events
        on active.as_of = first_events.as_of
        and active.subscriber_id = first_events.subscriber_id
)

select * from labels
