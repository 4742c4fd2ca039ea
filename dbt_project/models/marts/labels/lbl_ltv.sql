with margins as (select * from {{ ref('int_subscriber_margin') }}),

labels as (
    select
        subscriber_id,
        cast(as_of as timestamp) as event_timestamp,
        cast(margin_cents_x30 as double) / 3000 as margin_eur_90d,
        known_by as matured_on
    from margins
)

select * from labels
