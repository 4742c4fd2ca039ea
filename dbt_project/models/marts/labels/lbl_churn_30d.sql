with cutoffs as (
    select * from {{ ref('int_label_cutoff') }}
    where label = 'lbl_churn_30d'
),

active as (
    select
        cutoffs.as_of,
        cutoffs.stop_on,
        cutoffs.known_by,
        eligibility.subscriber_id,
        eligibility.subscription_token,
        deliveries.has_campaigns
    from {{ ref('int_subscriber_eligibility') }} as eligibility
    inner join cutoffs on eligibility.as_of = cutoffs.as_of
    inner join {{ ref('stg_estate__deliveries') }} as deliveries on eligibility.operator = deliveries.operator
    where eligibility.is_active
),

changes as (select * from {{ ref('int_subscription_change') }}),

silences as (select * from {{ ref('int_subscriber_silence') }}),

holdings as (select * from {{ ref('int_number_holding') }}),

campaigns as (select * from {{ ref('int_campaign_arm') }}),

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

-- The network took the number away and billing has not said so by the day the label is known.
ports as (
    select
        active.as_of,
        active.subscriber_id,
        holdings.ported_out_on as churned_on,
        'port_out' as churn_kind
    from active
    inner join holdings
        on active.known_by = holdings.known_by
        and active.subscriber_id = holdings.subscriber_id
        and holdings.ported_out_on >= active.as_of
        and holdings.ported_out_on < active.stop_on
),

events as (
    select * from endings
    union all
    select * from ports
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

-- What was done before as_of counts by what was known then; what was done in the window spoils the label, whenever
-- it became known.
treatments as (
    select
        active.as_of,
        active.subscriber_id,
        bool_or(
            campaigns.is_contacted and campaigns.assigned_at < active.as_of
            and {{ is_known('campaigns', 'active.as_of') }}
        ) as is_contacted_90d,
        bool_or(
            campaigns.is_contacted and campaigns.assigned_at >= active.as_of
            and {{ is_known('campaigns', 'active.known_by') }}
        ) as is_contacted_in_window,
        bool_or(
            not campaigns.is_contacted and campaigns.assigned_at >= active.as_of
            and {{ is_known('campaigns', 'active.known_by') }}
        ) as is_held_out_in_window
    from active
    inner join campaigns
        on active.subscription_token = campaigns.subscription_token
        and campaigns.assigned_at >= active.as_of - 90
        and campaigns.assigned_at < active.stop_on
    group by active.as_of, active.subscriber_id
),

-- Where campaigns are delivered, not being in one is to be left alone; where they are not, nobody knows.
labels as (
    select
        active.subscriber_id,
        cast(active.as_of as timestamp) as event_timestamp,
        first_events.subscriber_id is not null as is_churned,
        first_events.churn_kind,
        case when active.has_campaigns then coalesce(treatments.is_contacted_90d, false) end as is_contacted_90d,
        case
            when active.has_campaigns then coalesce(treatments.is_contacted_in_window, false)
        end as is_contacted_in_window,
        case
            when active.has_campaigns then coalesce(treatments.is_held_out_in_window, false)
        end as is_held_out_in_window,
        active.known_by as matured_on
    from active
    left join first_events
        on active.as_of = first_events.as_of
        and active.subscriber_id = first_events.subscriber_id
    left join treatments
        on active.as_of = treatments.as_of
        and active.subscriber_id = treatments.subscriber_id
)

select * from labels
