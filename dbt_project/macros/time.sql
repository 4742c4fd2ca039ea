{#- The knowledge-date rule: a row counts from the day it is known until the day a correction replaces it. -#}
{% macro is_known(rows, known_by) -%}
    {{ rows }}.known_on <= {{ known_by }}
    and ({{ rows }}.superseded_on is null or {{ rows }}.superseded_on > {{ known_by }})
{%- endmacro %}


{#- One row per accepted version of a sender's drop, with the day the next version replaces it. From the manifests as
    they were when the build began, so that a whole build sees one state of raw/, whatever lands beside it; and with
    its true number of rows, by which DuckDB decides what a join keeps in memory. -#}
{% macro drop_versions(shape) -%}
    select
        source,
        dt,
        drop_version,
        superseded_on
    from {{ source('estate', 'drops') }}
    where shape_id = '{{ shape }}'
{%- endmacro %}


{#- 45 days, not 30: many prepaid users top up on a 31-40 day rhythm and would be called gone. -#}
{% macro silence_days() %}45{% endmacro %}
