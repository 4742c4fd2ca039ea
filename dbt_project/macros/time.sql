{#- The knowledge-date rule: a row counts from the day it is known until the day a correction replaces it. -#}
{% macro is_known(rows, known_by) -%}
    {{ rows }}.known_on <= {{ known_by }}
    and ({{ rows }}.superseded_on is null or {{ rows }}.superseded_on > {{ known_by }})
{%- endmacro %}


{#- One row per accepted version of a sender's drop, with the day the next version replaces it. -#}
{% macro drop_versions(source) -%}
    select
        source,
        dt,
        drop_version,
        lead(min(known_on)) over (partition by source, dt order by drop_version) as superseded_on
    from {{ source }}
    group by source, dt, drop_version
{%- endmacro %}


{#- Grace days between the end of a label's window and the day it is known, with the window itself. -#}
{% macro churn_horizon() %}30{% endmacro %}
{% macro churn_known_after() %}37{% endmacro %}
{% macro ltv_horizon() %}90{% endmacro %}
{% macro ltv_known_after() %}127{% endmacro %}


{#- 45 days, not 30: many prepaid users top up on a 31-40 day rhythm and would be called gone. -#}
{% macro silence_days() %}45{% endmacro %}


{#- One row per as_of and day of [as_of - back, as_of + ahead). Met on the day by equality, rows of other days are skipped
    by the file's statistics and nothing is multiplied before it is dropped: a range join does both. -#}
{% macro days_around(days, back, ahead=0) -%}
    select
        *,
        cast(unnest(range(as_of - {{ back }}, as_of + {{ ahead }}, interval 1 day)) as date) as day
    from {{ days }}
{%- endmacro %}


{#- Radio quality is what a subscriber met in the month before. -#}
{% macro quality_days() %}30{% endmacro %}
