{#-
    dbt asks the database for the columns of a unit test's input, and a source here is files, not a table: the first
    unit test that stands rows in for a raw feed makes a view of the feed's empty file. Only unit tests call this.
-#}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- if execute and model.source_name and model.source_name != "estate" -%}
        {%- set file = env_var('TELCO_HOME') ~ '/raw/' ~ this.schema ~ '/' ~ this.identifier ~ '/schema/data.parquet' -%}
        {%- do run_query("create schema if not exists " ~ this.schema) -%}
        {%- do run_query("create or replace view " ~ this ~ " as select * from read_parquet('" ~ file ~ "')") -%}
    {%- endif -%}
    {{ dbt.get_fixture_sql(rows, column_name_to_data_types) }}
{%- endmacro %}
