{#-
    The days come from warehouse/estate/as_ofs.parquet, written before each build by pipelines.warehouse. A person may
    give them as --vars '{as_ofs: "2026-03-01"}' instead: changed variables make dbt parse everything anew, 7 CPU
    seconds that no night should pay.
-#}
with feature_days as (
    {%- if var('as_ofs', '') or var('label_as_ofs', '') %}
    select unnest({{ days_of('as_ofs') }}) as as_of
    {%- else %}
    select as_of from {{ source('estate', 'as_ofs') }}
    {%- endif %}
),

label_cutoffs as (select * from {{ ref('int_label_cutoff') }}),

roles as (
    select
        as_of,
        true as has_features
    from feature_days
    union all
    select
        as_of,
        false as has_features
    from label_cutoffs
),

as_ofs as (
    select
        as_of,
        bool_or(has_features) as has_features
    from roles
    group by as_of
)

select * from as_ofs
