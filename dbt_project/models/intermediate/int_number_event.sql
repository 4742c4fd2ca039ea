with events as (select * from {{ ref('stg_network__number_events') }})

select * from events
