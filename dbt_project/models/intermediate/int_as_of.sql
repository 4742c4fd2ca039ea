{#-
    The days come from warehouse/estate/as_ofs.parquet, written before each build by pipelines.warehouse. A person may
    give them as --vars '{as_ofs: "2026-03-01"}' instead: changed variables make dbt parse everything anew, 7 CPU
    seconds that no night should pay.
-#}
{%- if var('as_ofs', '') -%}
with feature_days as (select unnest({{ days_of('as_ofs') }}) as as_of),

churn_label_days as (select unnest({{ days_of('churn_label_as_ofs') }}) as as_of),

ltv_label_days as (select unnest({{ days_of('ltv_label_as_ofs') }}) as as_of),

roles as (
    select
        as_of,
        true as has_features,
        false as has_churn_label,
        false as has_ltv_label
    from feature_days
    union all
    select
        as_of,
        false as has_features,
        true as has_churn_label,
        false as has_ltv_label
    from churn_label_days
    union all
    select
        as_of,
        false as has_features,
        false as has_churn_label,
        true as has_ltv_label
    from ltv_label_days
),

as_ofs as (
    select
        as_of,
        bool_or(has_features) as has_features,
        bool_or(has_churn_label) as has_churn_label,
        bool_or(has_ltv_label) as has_ltv_label
    from roles
    group by as_of
)

select * from as_ofs
{%- else -%}
with as_ofs as (select * from {{ source('estate', 'as_ofs') }})

select * from as_ofs
{%- endif %}
