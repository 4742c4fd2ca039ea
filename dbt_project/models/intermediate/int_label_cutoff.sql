{#- As the days of features: from a file of the build, or a person's --vars '{label_as_ofs: "2026-03-01"}'. -#}
with labels as (select * from {{ source('estate', 'labels') }}),

label_days as (
    {%- if var('as_ofs', '') or var('label_as_ofs', '') %}
    select
        label,
        unnest({{ days_of('label_as_ofs') }}) as as_of
    from labels
    {%- else %}
    select * from {{ source('estate', 'label_days') }}
    {%- endif %}
),

cutoffs as (
    select
        labels.label,
        label_days.as_of,
        label_days.as_of + labels.horizon_days as stop_on,
        label_days.as_of + labels.horizon_days + labels.grace_days as known_by
    from label_days
    inner join labels on label_days.label = labels.label
)

select * from cutoffs
