with as_ofs as (select * from {{ ref('int_as_of') }}),

known_by as (
    select as_of as known_by from as_ofs
    union
    select as_of + {{ churn_known_after() }} as known_by from as_ofs where has_churn_label
    union
    select as_of + {{ ltv_known_after() }} as known_by from as_ofs where has_ltv_label
)

select * from known_by
