with cost_rates as (select * from {{ source('estate', 'cost_rates') }})

select * from cost_rates
