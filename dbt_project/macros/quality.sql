{#- A KPI of a cell in whole units, of which `scale` make one. As doubles they add up faster than 128 bits and exactly: no
    KPI is above a hundred million (100 s, 100 Gbit/s) nor the shares of a day above 1.02 million, so the sums of 30 days
    stay below 2^53. NULL stays NULL. -#}
{% macro whole_units(kpi, scale) -%}
    case when {{ scale }} * {{ kpi }} > 100000000 then 100000000 else round({{ scale }} * {{ kpi }}) end
{%- endmacro %}


{#-
    One row of use meets up to three cells (met_1 to met_3, with share_1 to share_3 in millionths). KPIs are whole
    numbers of a small unit, so the sums do not depend on the order of the rows; a cell without the KPI weighs nothing.
-#}
{% macro met_sum(kpi) -%}
    coalesce(share_1 * met_1.{{ kpi }}, 0) + coalesce(share_2 * met_2.{{ kpi }}, 0)
        + coalesce(share_3 * met_3.{{ kpi }}, 0)
{%- endmacro %}


{% macro met_weight(kpi) -%}
    case when met_1.{{ kpi }} is null then 0 else share_1 end
        + case when met_2.{{ kpi }} is null then 0 else share_2 end
        + case when met_3.{{ kpi }} is null then 0 else share_3 end
{%- endmacro %}


{#- Mean over what was met, in units of which `scale` make the whole. NULL where nothing had the KPI. -#}
{% macro met_mean(kpi, scale) -%}
    sum({{ kpi }}_met) / ({{ scale }} * nullif(sum({{ kpi }}_weight), 0))
{%- endmacro %}


{#- A cell's day is bad below any of these: common targets of operators, an assumption to be set for a network. -#}
{% macro is_bad_cell_day() -%}
    coalesce(retainability_ratio < 0.98, false)
    or coalesce(availability_ratio < 0.99, false)
    or coalesce(dl_throughput_mbps < 5, false)
{%- endmacro %}
