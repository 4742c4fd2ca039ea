{#- Mean of a KPI over the cells met, weighted by their share of use. Millionths are whole numbers, so the sums do not
    depend on the order of the rows. NULL where no cell met had the KPI. -#}
{% macro met_mean(kpi) -%}
    cast(sum(share_e6 * cast(round(1000000 * {{ kpi }}) as bigint)) as double)
        / (1000000 * nullif(sum(share_e6) filter (where {{ kpi }} is not null), 0))
{%- endmacro %}
