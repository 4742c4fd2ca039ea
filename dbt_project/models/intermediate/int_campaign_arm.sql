with campaigns as (select * from {{ ref('stg_governance__campaigns') }})

select * from campaigns
