{#-
    dbt asks the database for the columns of a unit test's input, and a source here is files, not a table: every run
    begins with a view of each feed's empty file. One by one and first, because unit tests run side by side, and DuckDB
    refuses two that write one name.
-#}
{% macro fixture_views() -%}
    {%- if execute -%}
        {%- set feeds = graph.sources.values() | rejectattr('source_name', 'equalto', 'estate') | list -%}
        {%- for schema in feeds | map(attribute='schema') | unique -%}
            {%- do run_query("create schema if not exists " ~ schema) -%}
        {%- endfor -%}
        {%- for feed in feeds -%}
            {%- set file = env_var('TELCO_HOME') ~ '/raw/' ~ feed.schema ~ '/' ~ feed.identifier ~ '/schema/data.parquet' -%}
            {%- set view = feed.schema ~ '.' ~ feed.identifier -%}
            {%- do run_query("create or replace view " ~ view ~ " as select * from read_parquet('" ~ file ~ "')") -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
