with complaints as (select * from {{ source('care', 'complaints') }}),

drop_versions as (
    {{ drop_versions('care.complaints') }}
),

versioned as (
    select
        complaints.operator,
        complaints.source,
        complaints.complaint_id,
        complaints.msisdn_token,
        complaints.interaction_id,
        complaints.category as topic,
        complaints.status,
        complaints.changed_at,
        complaints.dt,
        complaints.drop_version,
        complaints.known_on,
        drop_versions.superseded_on,
        complaints.is_known_assumed
    from complaints
    inner join drop_versions
        on complaints.source = drop_versions.source
        and complaints.dt = drop_versions.dt
        and complaints.drop_version = drop_versions.drop_version
)

select * from versioned
