{#- Layers are schemas: features.ftr_subscriber_care, not main_features. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
