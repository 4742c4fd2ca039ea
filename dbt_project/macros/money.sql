{#-
    Amounts are decimals of four places in the currency of the house: their sums are exact whatever the order of the
    rows. A published number is one double, rounded once and at the end.
-#}
{% macro amount(house) -%}
    cast({{ house }} as double)
{%- endmacro %}


{#- One division of whole numbers (ten-thousandths of the currency): rounded once, where decimals cast first would be
    rounded three times. NULL where there is nothing to divide by. -#}
{% macro amount_over(house, whole) -%}
    cast(10000 * ({{ house }}) as double) / nullif(cast(10000 * ({{ whole }}) as double), 0)
{%- endmacro %}


{#- NULL where there is nothing to compare with. -#}
{% macro ratio(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}
