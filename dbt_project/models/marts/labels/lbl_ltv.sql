with margins as (select * from {{ ref('int_subscriber_margin') }}),

labels as (
    select
        subscriber_id,
        cast(as_of as timestamp) as event_timestamp,
        {{ amount_over('margin_house_x30', 30) }} as margin_eur_90d,
        known_by as matured_on
    from margins
)

select * from labels
