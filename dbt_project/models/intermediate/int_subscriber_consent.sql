with as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),

identities as (select * from {{ ref('int_subscriber_identity') }}),

consents as (select * from {{ ref('stg_governance__consents') }}),

-- The newest statement that holds and is known as as_of begins. Of two of one moment the later drop speaks, and of two
-- in one drop the withdrawal.
ranked as (
    select
        as_ofs.as_of,
        consents.subscription_token,
        consents.purpose,
        consents.is_granted,
        (
            consents.changed_at, consents.dt, consents.drop_version, consents.source, not consents.is_granted
        ) as place
    from consents
    inner join as_ofs
        on consents.changed_at < as_ofs.as_of
        and {{ is_known('consents', 'as_ofs.as_of') }}
    where consents.purpose in ('ANALYTICS', 'MODEL_TRAINING')
),

said as (
    select
        as_of,
        subscription_token,
        arg_max(is_granted, place) filter (where purpose = 'ANALYTICS') as has_analytics,
        arg_max(is_granted, place) filter (where purpose = 'MODEL_TRAINING') as has_model_training
    from ranked
    group by all
),

-- Everyone ever known and not only who is open: a model is trained with those who left, by what they said last.
consent as (
    select
        identities.subscriber_id,
        as_ofs.as_of,
        identities.operator,
        coalesce(said.has_analytics, false) as has_analytics,
        coalesce(said.has_model_training, false) as has_model_training
    from identities
    inner join as_ofs on identities.known_by = as_ofs.as_of
    left join said
        on identities.known_by = said.as_of
        and identities.subscription_token = said.subscription_token
)

select * from consent
