with as_ofs as (select * from {{ ref('int_as_of') }}),

churn_cutoffs as (
    select * from {{ ref('int_label_cutoff') }}
    where label = 'lbl_churn_30d'
),

window_days as (
    {{ window_days('usage', 'as_ofs', 'as_of - 90', 'as_of', 'has_features') }}
    union all
    {{ window_days('quality', 'as_ofs', 'as_of - ' ~ quality_days(), 'as_of', 'has_features') }}
    union all
    {{ window_days('last_use', 'as_ofs', 'as_of - ' ~ silence_days(), 'as_of', 'true') }}
    union all
    {{ window_days('silence', 'churn_cutoffs', 'as_of - ' ~ silence_days(), 'stop_on', 'true') }}
)

select * from window_days
