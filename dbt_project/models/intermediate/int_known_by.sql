with as_ofs as (select * from {{ ref('int_as_of') }}),

label_cutoffs as (select * from {{ ref('int_label_cutoff') }}),

known_by as (
    select as_of as known_by from as_ofs
    union
    select known_by from label_cutoffs
)

select * from known_by
