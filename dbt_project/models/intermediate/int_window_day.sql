with as_ofs as (select * from {{ ref('int_as_of') }}),

window_days as (
    {{ window_days('usage', 'as_ofs', 90, 0, 'has_features') }}
    union all
    {{ window_days('quality', 'as_ofs', quality_days(), 0, 'has_features') }}
    union all
    {{ window_days('last_use', 'as_ofs', silence_days(), 0, 'true') }}
    union all
    {{ window_days('silence', 'as_ofs', silence_days(), churn_horizon(), 'has_churn_label') }}
)

select * from window_days
