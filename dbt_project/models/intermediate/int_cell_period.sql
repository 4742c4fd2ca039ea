with ericsson as (select * from {{ ref('stg_pm__ericsson') }}),

nokia as (select * from {{ ref('stg_pm__nokia') }}),

huawei as (select * from {{ ref('stg_pm__huawei') }}),

samsung as (select * from {{ ref('stg_pm__samsung') }}),

periods as (
    select * from ericsson
    union all by name
    select * from nokia
    union all by name
    select * from huawei
    union all by name
    select * from samsung
)

select * from periods
