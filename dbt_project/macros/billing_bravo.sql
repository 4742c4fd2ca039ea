{#- What bravo's codes are in the house; codes nobody mapped are NULL here, and quarantined at the door before. -#}
{% macro bravo_word(field, code) -%}
    {%- set words = {
        'customer_class': {'R': 'consumer', 'B': 'business'},
        'age_class': {'A': 'under_65', 'S': '65_plus', 'U': 'unknown'},
        'pay_channel': {
            'SEPA': 'bank_transfer', 'CARD': 'credit_card', 'TRANSFER': 'electronic_check', 'CASH': 'mailed_check',
            'VOUCHER': 'top_up',
        },
        'state': {'A': 'active', 'B': 'suspended', 'T': 'ended'},
        'term_code': {'CUST': 'cancellation', 'MNP': 'port_out', 'DEBT': 'non_payment'},
        'product': {
            'VOX': 'voice', 'XL': 'multiple_lines', 'DATA': 'mobile_data', 'NET-C': 'internet_dsl',
            'NET-F': 'internet_fiber', 'SEC': 'online_security', 'BAK': 'online_backup', 'DEV': 'device_protection',
            'SUP': 'tech_support', 'TV': 'streaming_tv', 'MOV': 'streaming_movies',
        },
    }[field] -%}
    case {{ code }}
        {%- for from, to in words.items() %} when '{{ from }}' then '{{ to }}'{% endfor %}
    end
{%- endmacro %}


{#- The house knows four binding periods. A term between them goes with the one it is nearest to in kind: the exact
    end of the binding is contract_end_on. -#}
{% macro bravo_contract_type(pay_mode, term_months) -%}
    case
        when {{ pay_mode }} = 'PRE' then 'prepaid'
        when {{ term_months }} <= 1 then 'monthly'
        when {{ term_months }} <= 12 then '12m'
        else '24m'
    end
{%- endmacro %}


{#- A list of codes as bravo writes it, VOX|DATA; empty for none. -#}
{% macro bravo_codes(written) -%}
    regexp_extract_all({{ written }}, '[^|]+')
{%- endmacro %}
