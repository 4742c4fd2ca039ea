{#- One row per combination of `columns`, none of them NULL. -#}
{% test grain(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as copies
    from {{ model }}
    group by all
    having count(*) > 1 or {% for column in columns %}{{ column }} is null{{ " or " if not loop.last }}{% endfor %}
{% endtest %}


{#- At no instant do two rows of one key hold: [held_from_on, held_to_on) neither overlap nor are empty. -#}
{% test one_holder(model, keys) %}
    with followed as (
        select
            *,
            lead(held_from_on) over (partition by {{ keys | join(', ') }} order by held_from_on) as next_from_on
        from {{ model }}
    )
    select *
    from followed
    where next_from_on < coalesce(held_to_on, 'infinity') or held_to_on <= held_from_on
{% endtest %}


{#- dbt's own tests pass on an empty table. -#}
{% test not_empty(model) %}
    select 'no rows' as fault
    from {{ model }}
    having count(*) = 0
{% endtest %}


{#- Of a label mart: every cut-off this build was asked for has rows, and no other day has any. -#}
{% test every_cutoff(model) %}
    with wanted as (select as_of from {{ ref('int_label_cutoff') }} where label = '{{ model.identifier }}'),
    found as (select distinct cast(event_timestamp as date) as as_of from {{ model }})
    (select as_of, 'missing' as fault from wanted except select as_of, 'missing' from found)
    union all
    (select as_of, 'not asked for' as fault from found except select as_of, 'not asked for' from wanted)
{% endtest %}


{#- Every as_of this build was asked for (`flag` of int_as_of) has rows, and no other as_of has any. -#}
{% test every_as_of(model, flag, column='event_timestamp') %}
    with wanted as (select as_of from {{ ref('int_as_of') }} where {{ flag }}),
    found as (select distinct cast({{ column }} as date) as as_of from {{ model }})
    (select as_of, 'missing' as fault from wanted except select as_of, 'missing' from found)
    union all
    (select as_of, 'not asked for' as fault from found except select as_of, 'not asked for' from wanted)
{% endtest %}


{#- Nothing can be known before it happened; the clock is not asked. A day of slack: local midnight is not UTC's. -#}
{% test not_in_future(model, column_name, known_column='known_on') %}
    select {{ column_name }}, {{ known_column }}
    from {{ model }}
    where cast({{ column_name }} as date) > {{ known_column }}
{% endtest %}


{#- Grain of the drops a night takes in. Usage and counters of a year are hundreds of millions of rows: what earlier
    nights held to their grain is not counted again. -#}
{% test grain_of_new_drops(model, columns) %}
    with new_drops as (select distinct cast(as_of - 1 as varchar) as dt from {{ ref('int_as_of') }} where has_features),
    rows_of_them as (select counted.* from {{ model }} as counted inner join new_drops on counted.dt = new_drops.dt)
    select {{ columns | join(', ') }}, count(*) as copies
    from rows_of_them
    group by all
    having count(*) > 1 or {% for column in columns %}{{ column }} is null{{ " or " if not loop.last }}{% endfor %}
{% endtest %}


{#- not_in_future for the drops a night takes in. -#}
{% test not_in_future_of_new_drops(model, column) %}
    with new_drops as (select distinct cast(as_of - 1 as varchar) as dt from {{ ref('int_as_of') }} where has_features)
    select counted.{{ column }}, counted.known_on
    from {{ model }} as counted
    inner join new_drops on counted.dt = new_drops.dt
    where cast(counted.{{ column }} as date) > counted.known_on
{% endtest %}


{#- The other way: of a feed that is delivered something became known in the `days` before every as_of of this build.
    By the day of knowledge, not by the drop's: a dump of years is one drop. -#}
{% test not_silent(model, feed, days) %}
    with as_ofs as (select as_of from {{ ref('int_as_of') }} where has_features),
    delivered as (
        select count(*) > 0 as is_delivered
        from {{ source('estate', 'feeds') }}
        where shape_id = '{{ feed }}' and is_delivered
    ),
    told as (select distinct known_on from {{ model }}),
    newest as (
        select as_ofs.as_of, max(told.known_on) as told_on
        from as_ofs
        left join told
            on told.known_on >= as_ofs.as_of - {{ days }}
            and told.known_on <= as_ofs.as_of
        group by as_ofs.as_of
    )
    select newest.as_of, 'nothing for {{ days }} days' as fault
    from newest
    cross join delivered
    where delivered.is_delivered and newest.told_on is null
{% endtest %}
