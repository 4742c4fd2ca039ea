{#- Cents are summed as integers and divided once, so that no sum depends on the order of its rows. -#}
{% macro eur(cents) -%}
    cast({{ cents }} as double) / 100
{%- endmacro %}


{#- NULL where there is nothing to compare with. -#}
{% macro ratio(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}
