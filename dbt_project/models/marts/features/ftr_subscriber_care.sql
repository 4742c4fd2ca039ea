with active as (
    select
        subscriber_id,
        operator,
        as_of
    from {{ ref('int_subscriber_eligibility') }}
    where is_active and has_features
),

as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),

deliveries as (select * from {{ ref('stg_estate__deliveries') }}),

holdings as not materialized (select * from {{ ref('int_number_holding') }}),

interactions as (select * from {{ ref('stg_care__interactions') }}),

complaints as (select * from {{ ref('stg_care__complaints') }}),

-- What is known of a complaint; it is about whoever held the number when it was opened.
known_complaints as (
    select
        as_ofs.as_of,
        complaints.msisdn_token,
        min(cast(complaints.changed_at as date)) as opened_on,
        arg_max(complaints.status, (complaints.changed_at, complaints.dt, complaints.drop_version)) as status
    from complaints
    inner join as_ofs
        on complaints.changed_at < as_ofs.as_of
        and {{ is_known('complaints', 'as_ofs.as_of') }}
    group by as_ofs.as_of, complaints.source, complaints.complaint_id, complaints.msisdn_token
),

open_complaints as (
    select
        known_complaints.as_of,
        holdings.subscriber_id,
        count(*) as open_complaints,
        min(known_complaints.opened_on) as oldest_opened_on
    from known_complaints
    inner join holdings
        on known_complaints.as_of = holdings.known_by
        and known_complaints.msisdn_token = holdings.msisdn_token
        and known_complaints.opened_on >= holdings.held_from_on
        and (holdings.held_to_on is null or known_complaints.opened_on < holdings.held_to_on)
    where known_complaints.status = 'open'
    group by known_complaints.as_of, holdings.subscriber_id
),

known_interactions as (
    select
        as_ofs.as_of,
        interactions.*
    from interactions
    inner join as_ofs
        on interactions.opened_on < as_ofs.as_of
        and {{ is_known('interactions', 'as_ofs.as_of') }}
),

subscriber_interactions as (
    select
        holdings.subscriber_id,
        known_interactions.*
    from known_interactions
    inner join holdings
        on known_interactions.as_of = holdings.known_by
        and known_interactions.msisdn_token = holdings.msisdn_token
        and known_interactions.opened_on >= holdings.held_from_on
        and (holdings.held_to_on is null or known_interactions.opened_on < holdings.held_to_on)
),

last_contacts as (
    select
        as_of,
        subscriber_id,
        max(opened_on) as last_opened_on
    from subscriber_interactions
    group by as_of, subscriber_id
),

windows as (
    select
        as_of,
        subscriber_id,
        count(*) filter (where opened_on >= as_of - 7) as contacts_7d,
        count(*) filter (where opened_on >= as_of - 30) as contacts_30d,
        count(*) as contacts_90d,
        count(*) filter (where not is_resolved and opened_on >= as_of - 30) as unresolved_contacts_30d,
        count(*) filter (where not is_resolved) as unresolved_contacts_90d,
        count(*) filter (where is_resolved) as resolved_contacts_90d,
        count(*) filter (where is_complaint) as complaints_90d,
        max(opened_on) filter (where is_complaint) as last_complained_on,
        sum(wait_s) as wait_s_90d,
        count(*) filter (where topic = 'billing') as billing_contacts_90d,
        count(*) filter (where topic = 'network') as network_contacts_90d
    from subscriber_interactions
    where opened_on >= as_of - 90
    group by as_of, subscriber_id
),

-- Where care is delivered, a subscriber without a contact had none: 0 is the truth. Where it is not, all is NULL.
features as (
    select
        active.subscriber_id,
        cast(active.as_of as timestamp) as event_timestamp,
        cast(active.as_of as timestamp) as created_at,
        deliveries.has_care,
        case when deliveries.has_care then coalesce(windows.contacts_7d, 0) end as contacts_7d,
        case when deliveries.has_care then coalesce(windows.contacts_30d, 0) end as contacts_30d,
        case when deliveries.has_care then coalesce(windows.contacts_90d, 0) end as contacts_90d,
        case when deliveries.has_care then coalesce(windows.unresolved_contacts_30d, 0) end as unresolved_contacts_30d,
        case when deliveries.has_care then coalesce(windows.unresolved_contacts_90d, 0) end as unresolved_contacts_90d,
        case when deliveries.has_care then coalesce(windows.complaints_90d, 0) end as complaints_90d,
        {{ ratio('windows.wait_s_90d', 'windows.contacts_90d') }} as mean_wait_s_90d,
        case when deliveries.has_care then coalesce(windows.billing_contacts_90d, 0) end as billing_contacts_90d,
        case when deliveries.has_care then coalesce(windows.network_contacts_90d, 0) end as network_contacts_90d,
        active.as_of - last_contacts.last_opened_on as days_since_last_contact,
        {{ ratio('3 * windows.contacts_30d', 'windows.contacts_90d') }} as contacts_trend_ratio_30d,
        {{ ratio('windows.resolved_contacts_90d', 'windows.contacts_90d') }} as resolved_ratio_90d,
        active.as_of - windows.last_complained_on as days_since_last_complaint,
        case when deliveries.has_complaints then coalesce(open_complaints.open_complaints, 0) end as open_complaints,
        active.as_of - open_complaints.oldest_opened_on as oldest_open_complaint_days
    from active
    inner join deliveries on active.operator = deliveries.operator
    left join windows on active.as_of = windows.as_of and active.subscriber_id = windows.subscriber_id
    left join last_contacts
        on active.as_of = last_contacts.as_of and active.subscriber_id = last_contacts.subscriber_id
    left join open_complaints
        on active.as_of = open_complaints.as_of and active.subscriber_id = open_complaints.subscriber_id
)

select * from features
