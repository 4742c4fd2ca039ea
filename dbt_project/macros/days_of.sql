{#- The days of one variable as a SQL list of dates. Anything but ISO days stops the build: dbt pastes variables. -#}
{% macro days_of(name) -%}
    {%- set days = [] -%}
    {%- for day in (var(name, '') | string).split(',') if day | trim -%}
        {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', day | trim) -%}
            {{ exceptions.raise_compiler_error(name ~ ": not a day: " ~ day ~ ". Write YYYY-MM-DD, comma separated") }}
        {%- endif -%}
        {%- do days.append("'" ~ (day | trim) ~ "'") -%}
    {%- endfor -%}
    cast([{{ days | join(', ') }}] as date [])
{%- endmacro %}
